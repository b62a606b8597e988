import { UnavailableError } from '../../../src/index.js';
import {
  checkMetadata,
  describeDifference,
  FetchFailure,
  isAcceptableUrl,
  Metadata,
  metadataUrls,
  quotePublic,
  suggestIssuer,
} from '../../core.js';
import { isShellSafe } from '../../shell.js';
import { quote, show, showList, showText } from '../printable.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { describeFailure, isWebPage, type Probe, type ProbeOptions, probe } from './probe.js';

export interface MetadataOptions extends ProbeOptions {
  readonly issuer: string;
  /** Instead of the well-known places. */
  readonly metadataUrl: string | undefined;
  readonly allowInsecureRequests: boolean;
  /** Instead of the one in the metadata. */
  readonly introspectionEndpoint: string | undefined;
  /** A line for a shell that checks another issuer with the same options. */
  readonly commandFor: (issuer: string) => string;
  /** Whether there are credentials for asking the issuer. */
  readonly isAsked: boolean;
}

export interface ExaminedMetadata {
  readonly findings: readonly Finding[];
  /** Where the verifier finds the keys. */
  readonly jwksUri: string | undefined;
  /** Where the verifier asks about tokens. */
  readonly introspectionEndpoint: string | undefined;
  /** The `"iss"` of access tokens if it differs from the metadata's own identifier (AD FS). */
  readonly accessTokenIssuer: string | undefined;
  readonly probes: readonly Probe[];
}

/** One place, and what the verifier makes of its content. */
interface Place {
  readonly probe: Probe;
  /**
   * Undefined unless the document is good: from this issuer, and with an endpoint that the verifier needs.
   */
  readonly metadata: Metadata | undefined;
  readonly fault: 'missing' | 'unavailable' | 'mismatch' | 'invalid' | 'useless' | undefined;
  /** For `invalid`: a fixed text. */
  readonly detail: string;
}

type Members = Readonly<Record<string, unknown>>;
/** The endpoints that make an issuer useful for an API: one of them is enough. */
const NEEDED = ['jwks_uri', 'introspection_endpoint'] as const;

/**
 * Steps `metadata`, `jwks_uri`, `access_token_issuer`, `introspection_endpoint` and `token_endpoint`: every
 * place where an issuer's metadata may be, including those that the verifier doesn't need.
 */
export async function examineMetadata(options: MetadataOptions): Promise<ExaminedMetadata> {
  const { issuer, metadataUrl, allowInsecureRequests } = options;
  const urls = metadataUrl === undefined ? metadataUrls(issuer) : [metadataUrl];
  const places: Place[] = [];
  for (const url of urls) {
    const place = assess(await probe(url, options), options);
    places.push(place);
    // The others are on the same server, which the verifier doesn't ask again either.
    const { failure: failed } = place.probe;
    if (place.fault === 'unavailable' && failed !== undefined && !failed.isReached) break;
  }
  const documents = places.flatMap(({ probe: { json, url }, metadata }) =>
    json === undefined || metadata === undefined ? [] : [{ json, url }],
  );
  const together = new Metadata(documents, allowInsecureRequests);
  // As in the verifier: the first document that has a member counts.
  const members: Members = Object.assign({}, ...documents.map(({ json }) => json).reverse());
  const jwksUri = together.find('jwks_uri');
  const introspectionEndpoint = options.introspectionEndpoint ?? together.find('introspection_endpoint');
  const { access_token_issuer: named } = members;
  const accessTokenIssuer = typeof named === 'string' && named !== issuer ? named : undefined;
  return {
    findings: [
      ...places.map((place) => describePlace(place, places, options)),
      ...(documents.length === 0 ? [] : describeMembers(members, { jwksUri, accessTokenIssuer }, options)),
    ],
    jwksUri,
    introspectionEndpoint,
    accessTokenIssuer,
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
    if (failed?.kind === 'invalid') return place('unavailable');
    return place(answer?.status === 404 || answer?.status === 410 ? 'missing' : 'unavailable');
  }
  try {
    checkMetadata(json, issuer);
  } catch (error) {
    if (error instanceof UnavailableError && error.reason === 'issuer_mismatch') return place('mismatch');
    if (error instanceof FetchFailure) return place('invalid', error.message);
    throw error;
  }
  const metadata = new Metadata([{ json, url }], allowInsecureRequests);
  if (metadata.missing(NEEDED).length === NEEDED.length) return place('useless');
  return { probe: probed, metadata, fault: undefined, detail: '' };
}

function describePlace(place: Place, places: readonly Place[], options: MetadataOptions): Finding {
  const { probe: probed, fault, metadata } = place;
  if (metadata !== undefined) return describeGood(place, metadata, places);
  const [what, fix] = describeFault(place, options);
  const message = `${probed.url}: ${what}, ${probed.milliseconds} ms`;
  const isNeeded = places.every((other) => other.metadata === undefined);
  // One good place is enough; most issuers have only one.
  if (!isNeeded && saysNo(place)) return info('metadata', message);
  // An issuer that's asked at a known address needs no metadata, but then it must answer that it has none.
  const isNowhere = places.every((other) => other.fault === 'missing');
  const isReported = isNowhere && place === places.at(-1) && options.introspectionEndpoint === undefined;
  if (fault === 'missing' && !isReported) return info('metadata', message);
  return isNeeded ? failure('metadata', message, fix) : warning('metadata', message, fix);
}

/** Whether the server just says that there's nothing for us: 404, a login, a web page for every path. */
function saysNo({ fault, probe: { answer, json, failure: failed } }: Place): boolean {
  if (fault === 'missing' || (fault === 'useless' && json?.jwks_uri === undefined)) return true;
  if (fault !== 'unavailable' || answer === undefined || answer.status >= 500) return false;
  return failed?.kind === 'status' || isWebPage(answer);
}

function describeGood({ probe: probed }: Place, metadata: Metadata, places: readonly Place[]): Finding {
  const { url, answer, milliseconds } = probed;
  const type = answer?.contentType ?? null;
  const described = type === null ? 'no content type' : showText(type);
  const before = places.slice(
    0,
    places.findIndex((place) => place.probe === probed),
  );
  const isNew = (name: (typeof NEEDED)[number]): boolean =>
    metadata.find(name) !== undefined && before.every((place) => !place.metadata?.find(name));
  const note = NEEDED.some(isNew) ? '' : ' (not needed)';
  const message = `${url}: ${answer?.status}, ${described}, ${milliseconds} ms${note}`;
  if (/^application\/json\b/i.test(type ?? '')) return ok('metadata', message);
  return warning(
    'metadata',
    message,
    'Make the issuer send it as application/json (RFC 8414 §3.2). It is still read.',
  );
}

function describeFault(
  { probe: probed, fault, detail }: Place,
  options: MetadataOptions,
): readonly [what: string, fix: string] {
  if (fault === 'mismatch') return describeMismatch(String(probed.json?.issuer), options);
  if (fault === 'useless') return describeKeys(probed.json?.jwks_uri);
  if (fault === 'invalid')
    return [
      detail,
      'Correct the metadata (RFC 8414 §2), or give the address of the keys: jwksUri (--jwks-uri).',
    ];
  const { what, fix } = describeFailure(probed, 'metadata', options.timeoutSeconds);
  return [what, fix];
}

function describeMismatch(
  named: string,
  { issuer, commandFor }: MetadataOptions,
): readonly [what: string, fix: string] {
  const difference = describeDifference(named, issuer);
  const what = `names the issuer ${quotePublic(named)}${difference === undefined ? '' : `: ${difference}`}`;
  const advice = suggestIssuer(named, issuer).replace(/^./, (letter) => letter.toUpperCase());
  const fix = advice.replace('metadataUrl', 'metadataUrl (--metadata-url)');
  if (difference === undefined) return [what, `${fix}.`];
  return [what, isShellSafe(named) ? `${fix}: ${commandFor(named)}` : `${fix}.`];
}

/** What's wrong with a `jwks_uri` that the verifier rejects. */
function describeKeys(uri: unknown): readonly [what: string, fix: string] {
  if (uri === undefined)
    return [
      'has no jwks_uri and no introspection_endpoint',
      'Publish "jwks_uri" there, or give the address of the keys: jwksUri (--jwks-uri). An issuer without ' +
        'keys can be asked about its tokens: introspection.endpoint (--introspection-endpoint).',
    ];
  return [`its jwks_uri is not an https URL: ${show(uri)}`, HTTPS_FIX];
}

const HTTPS_FIX =
  'Publish an absolute https URL. Http is for issuers on this host, and for allowInsecureRequests ' +
  '(--allow-insecure-requests).';

function describeMembers(
  members: Members,
  { jwksUri, accessTokenIssuer }: Pick<ExaminedMetadata, 'jwksUri' | 'accessTokenIssuer'>,
  options: MetadataOptions,
): readonly Finding[] {
  const { id_token_signing_alg_values_supported: algorithms } = members;
  return [
    describeJwksUri(members, jwksUri, options.issuer),
    ...(accessTokenIssuer === undefined ? [] : [describeOtherIssuer(accessTokenIssuer, jwksUri, options)]),
    describeIntrospectionEndpoint(members, options),
    describeTokenEndpoint(members),
    // Metadata says nothing about access tokens, but most issuers sign both alike.
    ...(Array.isArray(algorithms)
      ? [info('algorithms', `by the metadata, ID tokens are signed with ${showList(algorithms)}`)]
      : []),
  ];
}

function describeJwksUri({ jwks_uri: uri }: Members, jwksUri: string | undefined, issuer: string): Finding {
  if (jwksUri !== undefined) {
    const elsewhere =
      new URL(jwksUri).host === new URL(issuer).host ? '' : ', on another host than the issuer';
    return ok('jwks_uri', `${show(jwksUri)}${elsewhere}`);
  }
  if (uri !== undefined) return failure('jwks_uri', `not an https URL: ${show(uri)}`, HTTPS_FIX);
  return info(
    'jwks_uri',
    'none: no JWT of this issuer can be verified, but it can be asked about its tokens',
  );
}

/**
 * AD FS signs access tokens in the name of the federation service, and ID tokens in the name of its server.
 */
function describeOtherIssuer(
  named: string,
  jwksUri: string | undefined,
  { issuer }: MetadataOptions,
): Finding {
  const keys = jwksUri === undefined ? '' : `, jwksUri: ${quote(jwksUri)}`;
  return warning(
    'access_token_issuer',
    `${show(named)}: access tokens name this issuer, and not ${show(issuer)}`,
    `Configure the issuer that access tokens name: issuer: ${quote(named)}${keys}`,
  );
}

function describeIntrospectionEndpoint(members: Members, options: MetadataOptions): Finding {
  const { introspection_endpoint: endpoint, introspection_endpoint_auth_methods_supported: methods } =
    members;
  const step = 'introspection_endpoint';
  if (options.introspectionEndpoint !== undefined)
    return ok(step, `${show(options.introspectionEndpoint)}, as given`);
  if (endpoint === undefined) {
    const message = 'none in the metadata';
    return options.isAsked
      ? failure(step, message, 'Give its address: introspection.endpoint (--introspection-endpoint).')
      : info(step, `${message}; an API that accepts opaque tokens needs one`);
  }
  const { allowInsecureRequests, issuer } = options;
  if (!isAcceptableUrl(endpoint, allowInsecureRequests, issuer.startsWith('http:')))
    return warning(step, `not an https URL: ${show(endpoint)}`, HTTPS_FIX);
  const listed = Array.isArray(methods)
    ? `client authentication by ${showList(methods)}`
    : 'its methods of client authentication are not listed, so client_secret_basic is tried';
  return info(step, `${show(endpoint)}, ${listed}`);
}

/** For developers of clients: a resource server doesn't use it. */
function describeTokenEndpoint(json: Readonly<Record<string, unknown>>): Finding {
  const { token_endpoint: endpoint, token_endpoint_auth_methods_supported: methods } = json;
  if (endpoint === undefined) return info('token_endpoint', 'none; an API needs none, its clients do');
  // RFC 8414 §2: the default if the list is left out.
  const listed = Array.isArray(methods) ? showList(methods) : '"client_secret_basic"';
  return info('token_endpoint', `${show(endpoint)}, client authentication by ${listed}`);
}
