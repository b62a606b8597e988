import {
  type Decision,
  type Denied,
  type RequestView,
  type ResourceServer,
  type ResourceServerOptions,
  requirementOfScopes,
  type StandardClaims,
} from '../../../src/index.js';
import {
  checkOptions,
  createIssuer,
  dropAbsentClaims,
  type Issuer,
  type MediaType,
  RequestVerifier,
  ScopeReader,
  type Settings,
} from '../../core.js';
import { show, showList } from '../printable.js';
import {
  examineAudience,
  examineDates,
  examineIssuer,
  examineRequiredClaims,
  examineTokenKind,
} from './claim-steps.js';
import { examineCredentials, examineStructure } from './credential-steps.js';
import {
  type Explanation,
  failed,
  type Members,
  notReached,
  passed,
  STEPS,
  type Step,
  type StepName,
} from './explanation.js';
import {
  examineHeader,
  examineJson,
  examineKey,
  examineSignature,
  examineTokenType,
} from './header-steps.js';

/** What a token is explained with. */
export interface ExplainOptions {
  /** Of one issuer. */
  readonly server: ResourceServerOptions;
  /** Every scope that the route requires; empty for a route that any access token opens. */
  readonly scopes: readonly string[];
}

/** A token whose header and claims could be read. */
interface ReadToken {
  readonly header: Members;
  readonly claims: Members;
  readonly type: { readonly is: MediaType } | undefined;
}

/**
 * Decides about a request with this `Authorization` field as a resource server with these options does, and
 * says which of its checks pass and which don't.
 *
 * The decision is that of a real resource server. The steps are the checks it consists of, each made by the
 * same function. Those after the first failure are made too if they need nothing but the token, so that you
 * see at once everything that's wrong with it.
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
  // A token alone proves no possession of a key, so it's explained as what it is without: a bearer token.
  const settings = checkOptions({ ...options, dpop: 'off', clock: () => now });
  const [issuerSettings] = settings.issuers.values();
  if (issuerSettings === undefined) throw new TypeError('options without an issuer were accepted');
  const issuer = createIssuer(issuerSettings, settings.runtime);
  const server = new RequestVerifier(settings, [issuer]);
  try {
    const request: RequestView = {
      method: 'GET',
      url: 'https://api.example.com/',
      header: (name) => (name === 'authorization' ? authorization : undefined),
    };
    const decision = await decide(server, request, scopes);
    const refusal = decision.kind === 'denied' ? decision : undefined;
    const examined = await examine(request, { settings, issuer, scopes, refusal });
    const auth = decision.kind === 'allowed' ? decision.auth : undefined;
    return { refusal, auth, steps: inOrder(examined, stepNames(issuer, scopes)) };
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
  readonly settings: Settings;
  readonly issuer: Issuer;
  readonly scopes: readonly string[];
  readonly refusal: Denied | undefined;
}

async function examine(request: RequestView, circumstances: Circumstances): Promise<readonly Step[]> {
  const { settings, issuer, refusal } = circumstances;
  const credentials = examineCredentials(request, settings);
  const steps = [credentials.step];
  if (credentials.token === undefined) return steps;
  const { steps: structureSteps, segments } = examineStructure(credentials.token);
  steps.push(...structureSteps);
  if (segments === undefined) return steps;
  const header = examineJson('header', segments[0]);
  steps.push(header.step);
  if (header.members === undefined) return steps;
  const { steps: headerSteps, type } = examineHeader(header.members, issuer.algorithms);
  steps.push(...headerSteps);
  const claims = examineJson('claims', segments[1]);
  steps.push(claims.step);
  if (claims.members === undefined) return steps;
  const token = { header: header.members, claims: { ...claims.members }, type };
  dropAbsentClaims(token.claims);
  steps.push(...examineClaims(token, circumstances));
  // The issuer isn't asked about a token that can't be valid.
  if (steps.every(({ status }) => status === 'passed')) {
    const key = await examineKey(token.header, issuer);
    steps.push(key);
    if (key.status === 'passed') steps.push(examineSignature(refusal));
  }
  steps.push(examineConfirmation(token.claims), examineScope(token.claims, circumstances));
  return steps;
}

function examineClaims({ claims, type }: ReadToken, { settings, issuer }: Circumstances): readonly Step[] {
  const { clock, clockToleranceSeconds } = settings.runtime;
  const time = { now: clock() / 1000, toleranceSeconds: clockToleranceSeconds };
  return [
    examineIssuer(claims, issuer),
    ...(type === undefined ? [] : [examineTokenType(type.is, issuer.tokenType)]),
    ...examineDates(claims, time),
    examineAudience(claims, issuer),
    examineRequiredClaims(claims, issuer),
    ...(type === undefined ? [] : [examineTokenKind(type.is, claims, issuer)]),
  ];
}

function examineConfirmation(claims: Members): Step {
  const actual = Object.hasOwn(claims, 'cnf') ? `bound to a key: ${show(claims.cnf)}` : 'not bound to a key';
  if (!Object.hasOwn(claims, 'cnf')) return passed('cnf', actual);
  return failed('cnf', 'unsupported_confirmation', {
    actual,
    expected: 'a bearer token',
    fix:
      'A token alone proves no possession. Send it with a DPoP proof where it has cnf.jkt, ' +
      'and over mutual TLS, with the option mtls of the API, where it has cnf.x5t#S256.',
  });
}

function examineScope(claims: Members, { issuer, scopes }: Circumstances): Step {
  // The types of the claims are for other steps.
  const { scopes: granted } = new ScopeReader().read(claims as StandardClaims, issuer.scopeSource);
  const missing = scopes.filter((scope) => !granted.includes(scope));
  if (missing.length === 0) return passed('scope', showList(granted));
  return failed('scope', 'insufficient_scope', {
    actual: showList(granted),
    expected: showList(scopes),
    fix:
      `Make the client ask for ${showList(missing)}. ` +
      'If it was granted, it is in another claim: use scopeClaim (--scope-claim).',
  });
}

/** The steps that these options ask for. */
function stepNames(issuer: Issuer, scopes: readonly string[]): readonly StepName[] {
  const isStrict = issuer.tokenType === 'at+jwt';
  return STEPS.filter((name) => {
    if (name === 'token_type' || name === 'required_claims') return isStrict;
    return name !== 'scope' || scopes.length > 0;
  });
}

function inOrder(steps: readonly Step[], names: readonly StepName[]): readonly Step[] {
  return names.map((name) => steps.find(({ step }) => step === name) ?? notReached(name));
}
