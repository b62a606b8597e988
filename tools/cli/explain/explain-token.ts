import type { Decision, Denied } from '../../../src/decision.js';
import type { ResolvedIssuer } from '../../../src/issuer/trusted-issuer.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import { type ResolvedOptions, resolveOptions } from '../../../src/options/resolve.js';
import type { RequestView } from '../../../src/request/view.js';
import { requirementOfScopes } from '../../../src/requirement/requirement.js';
import { type ResourceServer, resourceServerOf } from '../../../src/resource-server.js';
import { grantedScopes } from '../../../src/token/claims.js';
import type { MediaType } from '../../../src/token/token-kind.js';
import { show, showList } from '../printable.js';
import {
  examineAudience,
  examineDates,
  examineIssuer,
  examineRequiredClaims,
  examineTokenKind,
} from './claim-steps.js';
import { examineCredentials } from './credential-steps.js';
import {
  type Explanation,
  failed,
  notReached,
  passed,
  STEPS,
  type Step,
  type StepName,
} from './explanation.js';
import {
  examineHeader,
  examineJson,
  examineStructure,
  examineTokenType,
  type Members,
} from './header-steps.js';
import { examineKey, examineSignature } from './key-steps.js';

/** What a token is explained with. */
export interface ExplainOptions {
  /** Of one issuer. */
  readonly server: ResourceServerOptions;
  /** What the route requires, all of it; empty for a route that any access token opens. */
  readonly scopes: readonly string[];
}

/** A token whose header and claims could be read. */
interface ReadToken {
  readonly header: Members;
  readonly claims: Members;
  readonly type: { readonly is: MediaType } | undefined;
}

/**
 * Decides about a request with this `Authorization` field as a resource server with these options does, and says which of its checks pass and which do not.
 *
 * The decision is that of a real resource server. The steps are the checks it consists of, each made by the same function; those behind the first that fails
 * are made too where they need nothing but the token, so that everything that is wrong with it is seen at once.
 *
 * @param authorization the field's value, undefined for a request without
 * @throws {TypeError} wrong options
 */
export async function explainToken(
  authorization: string | undefined,
  { server: options, scopes }: ExplainOptions,
): Promise<Explanation> {
  // The time stands still: the decision and the steps must not be on two sides of "exp".
  const now = (options.clock ?? Date.now)();
  // A token alone proves no possession of a key, so it is explained as what it is without: a bearer token.
  const resolved = resolveOptions({ ...options, dpop: 'off', clock: () => now });
  const [issuer] = resolved.issuers.values();
  if (issuer === undefined) throw new TypeError('options without an issuer were accepted');
  const server = resourceServerOf(resolved);
  try {
    const request = requestWith(authorization);
    const decision = await decide(server, request, scopes);
    const refusal = decision.kind === 'denied' ? decision : undefined;
    const examined = await examine(request, { resolved, issuer, scopes, refusal });
    const auth = decision.kind === 'allowed' ? decision.auth : undefined;
    return { refusal, auth, steps: inOrder(examined, stepsOf(issuer, scopes)) };
  } finally {
    server.close();
  }
}

async function decide(
  server: ResourceServer,
  request: RequestView,
  scopes: readonly string[],
): Promise<Decision> {
  const decision = await server.authenticate(request);
  if (decision.kind === 'denied' || scopes.length === 0) return decision;
  return server.authorize(decision.auth, requirementOfScopes(scopes));
}

interface Circumstances {
  readonly resolved: ResolvedOptions;
  readonly issuer: ResolvedIssuer;
  readonly scopes: readonly string[];
  readonly refusal: Denied | undefined;
}

async function examine(request: RequestView, circumstances: Circumstances): Promise<readonly Step[]> {
  const { resolved, issuer, refusal } = circumstances;
  const credentials = examineCredentials(request, resolved);
  const steps = [credentials.step];
  if (credentials.token === undefined) return steps;
  const { steps: ofStructure, segments } = examineStructure(credentials.token);
  steps.push(...ofStructure);
  if (segments === undefined) return steps;
  const header = examineJson('header', segments[0]);
  steps.push(header.step);
  if (header.members === undefined) return steps;
  const { steps: ofHeader, type } = examineHeader(header.members, resolved.algorithms);
  steps.push(...ofHeader);
  const claims = examineJson('claims', segments[1]);
  steps.push(claims.step);
  if (claims.members === undefined) return steps;
  const token = { header: header.members, claims: claims.members, type };
  steps.push(...examineClaims(token, circumstances));
  if (steps.every(({ status }) => status === 'passed'))
    steps.push(...(await examineKeyAndSignature(token, issuer, refusal)));
  steps.push(examineConfirmation(token.claims), examineScope(token.claims, circumstances));
  return steps;
}

function examineClaims({ claims, type }: ReadToken, { resolved, issuer }: Circumstances): readonly Step[] {
  const time = { now: resolved.clock() / 1000, toleranceSeconds: resolved.clockToleranceSeconds };
  return [
    examineIssuer(claims, issuer),
    ...(type === undefined ? [] : [examineTokenType(type.is, issuer.tokenType)]),
    ...examineDates(claims, time),
    examineAudience(claims, issuer),
    examineRequiredClaims(claims, issuer),
    ...(type === undefined ? [] : [examineTokenKind(type.is, claims, issuer)]),
  ];
}

/** Nothing is asked of an issuer for a token that cannot hold. */
async function examineKeyAndSignature(
  { header }: ReadToken,
  issuer: ResolvedIssuer,
  refusal: Denied | undefined,
): Promise<readonly Step[]> {
  const key = await examineKey(header, issuer);
  return key.status === 'passed' ? [key, examineSignature(refusal)] : [key];
}

function examineConfirmation(claims: Members): Step {
  const actual = Object.hasOwn(claims, 'cnf') ? `bound to a key: ${show(claims.cnf)}` : 'not bound to a key';
  if (!Object.hasOwn(claims, 'cnf')) return passed('cnf', actual);
  return failed('cnf', 'unsupported_confirmation', {
    actual,
    expected: 'a bearer token',
    fix: 'A token alone proves no possession. Send it with a DPoP proof where it has cnf.jkt, and over mutual TLS, with the option mtls of the API, where it has cnf.x5t#S256.',
  });
}

function examineScope(claims: Members, { issuer, scopes }: Circumstances): Step {
  const granted = grantedScopes(claims, issuer);
  const missing = scopes.filter((scope) => !granted.includes(scope));
  if (missing.length === 0) return passed('scope', showList(granted));
  return failed('scope', 'insufficient_scope', {
    actual: showList(granted),
    expected: showList(scopes),
    fix: `Make the client ask for ${showList(missing)}. If it was granted, it is in another claim: use scopeClaim (--scope-claim).`,
  });
}

/** The steps that there are with these options. */
function stepsOf(issuer: ResolvedIssuer, scopes: readonly string[]): readonly StepName[] {
  const isStrict = issuer.tokenType === 'at+jwt';
  return STEPS.filter((name) => {
    if (name === 'token_type' || name === 'required_claims') return isStrict;
    return name !== 'scope' || scopes.length > 0;
  });
}

function inOrder(steps: readonly Step[], names: readonly StepName[]): readonly Step[] {
  return names.map((name) => steps.find(({ step }) => step === name) ?? notReached(name));
}

function requestWith(authorization: string | undefined): RequestView {
  return {
    method: 'GET',
    url: 'https://api.example.com/',
    header: (name) => (name === 'authorization' ? authorization : undefined),
  };
}
