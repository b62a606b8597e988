import type { ClientCredential } from '../issuer/client-authentication.js';
import { discoveredLocation, fixedLocation, type LocationSource } from '../issuer/endpoint-location.js';
import type { Introspection } from '../issuer/introspection.js';
import { type AnswerSource, endpointSource } from '../issuer/introspection-endpoint.js';
import { functionSource, Introspector } from '../issuer/introspector.js';
import type { KeySet } from '../issuer/key-set.js';
import type { SignedAnswerOptions } from '../issuer/signed-answer.js';
import { checkNames, choices, flag, numberBetween, optionError, stringList, stringOf } from '../lib/check.js';
import { isAcceptableUrl } from '../lib/url.js';
import { resolveCredential } from './credential.js';
import type {
  IntrospectionEndpointOptions,
  IntrospectionFunctionOptions,
  IntrospectionOptions,
  IntrospectionPolicyOptions,
} from './introspection-options.js';

const POLICY_NAMES: readonly (keyof IntrospectionPolicyOptions)[] = [
  'tokens',
  'cacheSeconds',
  'negativeCacheSeconds',
  'cooldownSeconds',
  'timeoutSeconds',
  'mayBeAbsent',
  'claims',
  'scopeClaim',
];
const FUNCTION_NAMES: readonly (keyof IntrospectionFunctionOptions)[] = ['endpoint', ...POLICY_NAMES];
const NAMES: readonly (keyof IntrospectionEndpointOptions)[] = [
  'endpoint',
  'clientId',
  'clientSecret',
  'privateKey',
  'keyId',
  'algorithm',
  'accessToken',
  'authenticationMethod',
  'signedResponse',
  ...POLICY_NAMES,
];
/**
 * The members of an answer that the application gets to see (RFC 7662 §2.2, RFC 9068 §2.2, RFC 7800 §3.1, RFC 8693 §4, RFC 9396 §9.2). What servers add says more about people than an
 * API mostly needs, `username` included (RFC 7662 §5, RFC 9701 §9).
 */
const MEMBERS: readonly string[] = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'client_id',
  'scope',
  'token_type',
  'cnf',
  'acr',
  'amr',
  'auth_time',
  'act',
  'may_act',
  'authorization_details',
];

/** What introspection takes from the issuer around it. */
export interface IntrospectionContext extends Omit<SignedAnswerOptions, 'audience'> {
  readonly issuer: string;
  readonly metadataUrl: string | undefined;
  readonly audience: ReadonlySet<string>;
  readonly scopeClaim: string;
  readonly scopeMayBeArray: boolean;
  readonly clientIdClaim: string;
  readonly keySet: KeySet;
  readonly maxAgeSeconds: number;
  readonly allowInsecureRequests: boolean;
  readonly fetch: typeof globalThis.fetch;
}

/**
 * The option `introspection` of an issuer; undefined where it is absent.
 *
 * @param name what messages call it: `issuer.introspection`
 * @throws {TypeError} naming the member that is wrong
 */
export function resolveIntrospection(
  given: IntrospectionOptions | undefined,
  name: string,
  context: IntrospectionContext,
): Introspection | undefined {
  if (given === undefined) return undefined;
  checkNames(given, isFunctionOptions(given) ? FUNCTION_NAMES : NAMES, name);
  const { clock, issuer } = context;
  const timeoutSeconds = numberBetween(given.timeoutSeconds, 0.001, 60, `${name}.timeoutSeconds`) ?? 5;
  const cooldownSeconds = numberBetween(given.cooldownSeconds, 0, 3600, `${name}.cooldownSeconds`) ?? 30;
  const scopeClaim = stringOf(given.scopeClaim, `${name}.scopeClaim`);
  const members = given.claims === undefined ? [] : stringList(given.claims, `${name}.claims`);
  const { source, location, needsKeys } = isFunctionOptions(given)
    ? { source: functionSource(given.endpoint), location: undefined, needsKeys: false }
    : resolveEndpoint(given, name, context, timeoutSeconds);
  const introspector = new Introspector({ issuer, source, timeoutSeconds, cooldownSeconds, clock });
  return {
    tokens: new Set(choices(given.tokens, ['opaque', 'jwt'] as const, `${name}.tokens`) ?? ['opaque']),
    cacheSeconds: numberBetween(given.cacheSeconds, 0, 3600, `${name}.cacheSeconds`) ?? 30,
    negativeCacheSeconds:
      numberBetween(given.negativeCacheSeconds, 0, 10, `${name}.negativeCacheSeconds`) ?? 2,
    mayBeAbsent: new Set(choices(given.mayBeAbsent, ['aud', 'exp'] as const, `${name}.mayBeAbsent`)),
    members: new Set([
      ...MEMBERS,
      ...members,
      ...[scopeClaim ?? context.scopeClaim, context.clientIdClaim].flatMap(membersOfPath),
    ]),
    scopeClaim: scopeClaim ?? context.scopeClaim,
    scopeMayBeArray: scopeClaim !== undefined || context.scopeMayBeArray,
    needsKeys,
    ask: (token) => introspector.ask(token),
    ready: () => introspector.prepare(() => location?.get()),
  };
}

/**
 * Refuses several issuers that are asked about opaque tokens: such a token does not say who issued it, and each of them would get to see the tokens of the others.
 *
 * @throws {TypeError}
 */
export function checkOpaqueIssuers(
  issuers: Iterable<{ readonly introspection: Introspection | undefined }>,
): void {
  const asked = [...issuers].filter(({ introspection }) => introspection?.tokens.has('opaque'));
  if (asked.length > 1)
    throw new TypeError(
      'option "issuer" has several issuers that are to be asked about opaque tokens; all but one need introspection.tokens: [\'jwt\']',
    );
}

function isFunctionOptions(given: IntrospectionOptions): given is IntrospectionFunctionOptions {
  return typeof given === 'object' && given !== null && typeof given.endpoint === 'function';
}

/** A claim of that very name, or the outermost member of a path. */
function membersOfPath(claim: string): readonly string[] {
  return [claim, claim.split('.', 1)[0] ?? claim];
}

function resolveEndpoint(
  given: IntrospectionEndpointOptions,
  name: string,
  context: IntrospectionContext,
  timeoutSeconds: number,
): { readonly source: AnswerSource; readonly location: LocationSource; readonly needsKeys: boolean } {
  const clientId = stringOf(given.clientId, `${name}.clientId`);
  if (clientId === undefined) throw optionError(`${name}.clientId`, 'a non-empty string', clientId);
  const credential = resolveCredential(given, name);
  const location = resolveLocation(given.endpoint, name, credential, context, timeoutSeconds);
  const isSigned = flag(given.signedResponse, `${name}.signedResponse`);
  const { issuer, fetch, clock, audience } = context;
  const signed = isSigned ? { ...context, audience: new Set([clientId, ...audience]) } : undefined;
  const source = endpointSource({ issuer, clientId, credential, location, signed, fetch, clock });
  return { source, location, needsKeys: isSigned };
}

function resolveLocation(
  endpoint: string | undefined,
  name: string,
  credential: ClientCredential,
  context: IntrospectionContext,
  timeoutSeconds: number,
): LocationSource {
  if (endpoint === undefined) {
    const preferMtls = credential.kind === 'certificate';
    return discoveredLocation({ ...context, timeoutSeconds, preferMtls });
  }
  const { allowInsecureRequests } = context;
  if (!isAcceptableUrl(endpoint, { allowInsecureRequests, allowLoopback: true })) {
    throw optionError(
      `${name}.endpoint`,
      'an absolute https URL (http only for loopback hosts, or with allowInsecureRequests), or a function',
      endpoint,
    );
  }
  return fixedLocation(endpoint);
}
