import {
  type IssuerMetadata,
  IssuerMismatch,
  metadataUrls,
  readMetadata,
} from '../../../src/issuer/metadata.js';
import { DocumentInvalid } from '../../../src/lib/fetch.js';
import { describeDifference } from '../issuer-difference.js';
import { show, showList, showText } from '../printable.js';
import { isShellSafe } from '../shell.js';
import { describeFailure } from './describe-failure.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { type Probe, type ProbeOptions, probe } from './probe.js';

export interface MetadataOptions extends ProbeOptions {
  readonly issuer: string;
  /** In place of the well-known places. */
  readonly metadataUrl: string | undefined;
  readonly allowInsecureRequests: boolean;
}

export interface ExaminedMetadata {
  readonly findings: readonly Finding[];
  /** What the verifier takes: that of the first place that has a good document. */
  readonly metadata: IssuerMetadata | undefined;
  readonly probes: readonly Probe[];
}

/** One place, and what the verifier thinks of what is there. */
interface Place {
  readonly probe: Probe;
  readonly metadata: IssuerMetadata | undefined;
  readonly fault: 'missing' | 'unavailable' | 'mismatch' | 'invalid' | undefined;
  /** Of `invalid`: a fixed text. */
  readonly detail: string;
}

interface UsablePlace extends Place {
  readonly metadata: IssuerMetadata;
}

/** Steps `metadata`, `jwks_uri` and `token_endpoint`: every place where an issuer's metadata may be, those too that the verifier has no need of. */
export async function examineMetadata(options: MetadataOptions): Promise<ExaminedMetadata> {
  const urls = options.metadataUrl === undefined ? metadataUrls(options.issuer) : [options.metadataUrl];
  const places: Place[] = [];
  for (const url of urls) {
    const place = assess(await probe(url, options), options);
    places.push(place);
    // The others are at the same server, which the verifier asks no more either.
    if (place.fault === 'unavailable' && !isReached(place.probe)) break;
  }
  const used = places.find(isUsable);
  return {
    findings: [
      ...places.map((place) => describePlace(place, used, places, options)),
      ...(used === undefined ? [] : describeContent(used, options.issuer)),
    ],
    metadata: used?.metadata,
    probes: places.map((place) => place.probe),
  };
}

function assess(probed: Probe, { issuer, allowInsecureRequests }: MetadataOptions): Place {
  const place = (fault: Place['fault'], detail = ''): Place => ({
    probe: probed,
    metadata: undefined,
    fault,
    detail,
  });
  const { json, failure: failed, answer, url } = probed;
  if (json === undefined) {
    if (failed instanceof DocumentInvalid) return place('unavailable');
    return place(answer?.status === 404 || answer?.status === 410 ? 'missing' : 'unavailable');
  }
  try {
    const metadata = readMetadata(json, issuer, url, allowInsecureRequests);
    return { probe: probed, metadata, fault: undefined, detail: '' };
  } catch (error) {
    if (error instanceof IssuerMismatch) return place('mismatch');
    if (error instanceof DocumentInvalid) return place('invalid', error.message);
    throw error;
  }
}

function isReached({ failure: failed }: Probe): boolean {
  return failed === undefined || failed instanceof DocumentInvalid || failed.reached;
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
  const message = `${url}: ${answer?.status}, ${type === null ? 'no content type' : showText(type)}, ${milliseconds} ms${isUsed ? '' : ' (not needed)'}`;
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
    'Publish an absolute https URL. Http is for issuers on this host, and for allowInsecureRequests (--allow-insecure-requests).',
  ];
}

function isUsable(place: Place): place is UsablePlace {
  return place.metadata !== undefined;
}

function describeContent(
  { probe: { json = {} }, metadata }: UsablePlace,
  issuer: string,
): readonly Finding[] {
  const { jwksUri } = metadata;
  const elsewhere = new URL(jwksUri).host === new URL(issuer).host ? '' : ', on another host than the issuer';
  const { id_token_signing_alg_values_supported: algorithms } = json;
  return [
    ok('jwks_uri', `${show(jwksUri)}${elsewhere}`),
    describeTokenEndpoint(json),
    // Metadata tells nothing of access tokens, but most issuers sign both alike.
    ...(Array.isArray(algorithms)
      ? [info('algorithms', `by the metadata, ID tokens are signed with ${showList(algorithms)}`)]
      : []),
  ];
}

/** For whoever writes the clients: a resource server does not use it. */
function describeTokenEndpoint(json: Readonly<Record<string, unknown>>): Finding {
  const { token_endpoint: endpoint, token_endpoint_auth_methods_supported: methods } = json;
  if (endpoint === undefined) return info('token_endpoint', 'none; an API needs none, its clients do');
  // RFC 8414 §2 on what holds where the list is left out.
  const listed = Array.isArray(methods) ? showList(methods) : '"client_secret_basic"';
  return info('token_endpoint', `${show(endpoint)}, client authentication by ${listed}`);
}
