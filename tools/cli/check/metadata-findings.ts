import { UnavailableError } from '../../../src/index.js';
import { checkMetadata, FetchFailure, Metadata, metadataUrls } from '../../core.js';
import { describeDifference } from '../describe.js';
import { isShellSafe, show, showList, showText } from '../printable.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { describeFailure, type Probe, type ProbeOptions, probe } from './probe.js';

export interface MetadataOptions extends ProbeOptions {
  readonly issuer: string;
  /** In place of the well-known places. */
  readonly metadataUrl: string | undefined;
  readonly allowInsecureRequests: boolean;
}

export interface ExaminedMetadata {
  readonly findings: readonly Finding[];
  /** Where the verifier finds the keys, by the first good document. */
  readonly jwksUri: string | undefined;
  readonly probes: readonly Probe[];
}

/** One place, and what the verifier thinks of what is there. */
interface Place {
  readonly probe: Probe;
  /** Undefined unless the document is good. */
  readonly jwksUri: string | undefined;
  readonly fault: 'missing' | 'unavailable' | 'mismatch' | 'invalid' | undefined;
  /** Of `invalid`: a fixed text. */
  readonly detail: string;
}

interface UsablePlace extends Place {
  readonly jwksUri: string;
}

/**
 * Steps `metadata`, `jwks_uri` and `token_endpoint`: every place where an issuer's metadata may be, including
 * those that the verifier doesn't need.
 */
export async function examineMetadata(options: MetadataOptions): Promise<ExaminedMetadata> {
  const urls = options.metadataUrl === undefined ? metadataUrls(options.issuer) : [options.metadataUrl];
  const places: Place[] = [];
  for (const url of urls) {
    const place = assess(await probe(url, options), options);
    places.push(place);
    // The others are at the same server, which the verifier doesn't ask any more either.
    const { failure: failed } = place.probe;
    if (place.fault === 'unavailable' && failed !== undefined && !failed.isReached) break;
  }
  const used = places.find((place): place is UsablePlace => place.jwksUri !== undefined);
  return {
    findings: [
      ...places.map((place) => describePlace(place, used, places, options)),
      ...(used === undefined ? [] : describeUsed(used, options.issuer)),
    ],
    jwksUri: used?.jwksUri,
    probes: places.map((place) => place.probe),
  };
}

function assess(probed: Probe, { issuer, allowInsecureRequests }: MetadataOptions): Place {
  const place = (fault: Place['fault'], detail = ''): Place => ({
    probe: probed,
    jwksUri: undefined,
    fault,
    detail,
  });
  const { json, failure: failed, answer, url } = probed;
  if (json === undefined) {
    if (failed?.kind === 'invalid') return place('unavailable');
    return place(answer?.status === 404 || answer?.status === 410 ? 'missing' : 'unavailable');
  }
  try {
    checkMetadata(json, issuer);
    const jwksUri = new Metadata([{ json, url }], allowInsecureRequests).endpoint('jwks_uri');
    return { probe: probed, jwksUri, fault: undefined, detail: '' };
  } catch (error) {
    if (error instanceof UnavailableError && error.reason === 'issuer_mismatch') return place('mismatch');
    const cause = error instanceof UnavailableError ? error.cause : error;
    if (cause instanceof FetchFailure) return place('invalid', cause.message);
    throw error;
  }
}

function describePlace(
  place: Place,
  used: Place | undefined,
  places: readonly Place[],
  options: MetadataOptions,
): Finding {
  const { probe: probed, fault } = place;
  if (fault === undefined) return describeGood(place, place === used);
  const [what, fix] = describeFault(place, options);
  const message = `${probed.url}: ${what}, ${probed.milliseconds} ms`;
  const isLast = place === places.at(-1);
  // One good place is enough, and most issuers have only that.
  if (
    fault === 'missing' &&
    (used !== undefined || !isLast || places.some((other) => other.fault !== 'missing'))
  )
    return info('metadata', message);
  return used === undefined ? failure('metadata', message, fix) : warning('metadata', message, fix);
}

function describeGood({ probe: { url, answer, milliseconds } }: Place, isUsed: boolean): Finding {
  const type = answer?.contentType ?? null;
  const described = type === null ? 'no content type' : showText(type);
  const note = isUsed ? '' : ' (not needed)';
  const message = `${url}: ${answer?.status}, ${described}, ${milliseconds} ms${note}`;
  if (/^application\/json\b/i.test(type ?? '')) return ok('metadata', message);
  return warning(
    'metadata',
    message,
    'Make the issuer send it as application/json (RFC 8414 §3.2). It is read all the same.',
  );
}

function describeFault(
  { probe: probed, fault, detail }: Place,
  { issuer, timeoutSeconds }: MetadataOptions,
): readonly [what: string, fix: string] {
  if (fault === 'mismatch') return describeMismatch(String(probed.json?.issuer), issuer);
  if (fault === 'invalid') return describeInvalid(probed, detail);
  const { what, fix } = describeFailure(probed, 'metadata', timeoutSeconds);
  return [what, fix];
}

function describeMismatch(named: string, issuer: string): readonly [what: string, fix: string] {
  const difference = describeDifference(named, issuer);
  const what = `names the issuer ${show(named)}${difference === undefined ? '' : `: ${difference}`}`;
  if (difference === undefined)
    return [
      what,
      'Is this the right server? Metadata counts only for the issuer that it names (RFC 8414 §3.3).',
    ];
  const command = isShellSafe(named) ? `: npx oauth-resource-server check ${named}` : '.';
  return [what, `Configure the issuer exactly as its metadata and its tokens write it${command}`];
}

function describeInvalid({ json }: Probe, detail: string): readonly [what: string, fix: string] {
  if (!detail.startsWith('jwks_uri'))
    return [
      detail,
      'Correct the metadata (RFC 8414 §2), or give the address of the keys: jwksUri (--jwks-uri).',
    ];
  const uri = json?.jwks_uri;
  if (uri === undefined)
    return [
      'has no jwks_uri',
      'Publish "jwks_uri" there, or give the address of the keys: jwksUri (--jwks-uri).',
    ];
  return [
    `its jwks_uri is no https URL: ${show(uri)}`,
    'Publish an absolute https URL. Http is for issuers on this host, and for allowInsecureRequests ' +
      '(--allow-insecure-requests).',
  ];
}

function describeUsed({ probe: { json = {} }, jwksUri }: UsablePlace, issuer: string): readonly Finding[] {
  const elsewhere = new URL(jwksUri).host === new URL(issuer).host ? '' : ', on another host than the issuer';
  const { id_token_signing_alg_values_supported: algorithms } = json;
  return [
    ok('jwks_uri', `${show(jwksUri)}${elsewhere}`),
    describeTokenEndpoint(json),
    // Metadata says nothing about access tokens, but most issuers sign both alike.
    ...(Array.isArray(algorithms)
      ? [info('algorithms', `by the metadata, ID tokens are signed with ${showList(algorithms)}`)]
      : []),
  ];
}

/** For developers of clients: a resource server doesn't use it. */
function describeTokenEndpoint(json: Readonly<Record<string, unknown>>): Finding {
  const { token_endpoint: endpoint, token_endpoint_auth_methods_supported: methods } = json;
  if (endpoint === undefined) return info('token_endpoint', 'none; an API needs none, its clients do');
  // RFC 8414 §2: the default if the list is left out.
  const listed = Array.isArray(methods) ? showList(methods) : '"client_secret_basic"';
  return info('token_endpoint', `${show(endpoint)}, client authentication by ${listed}`);
}
