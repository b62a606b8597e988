import {
  type Decision,
  type Denied,
  type IntrospectionEndpointOptions,
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
  type Introspection,
  type IntrospectionAnswer,
  type Issuer,
  looksLikeJwt,
  type MediaType,
  RequestVerifier,
  ScopeReader,
  type Settings,
} from '../../core.js';
import { show, showList } from '../printable.js';
import { examineAnswer, examineMembers } from './answer-steps.js';
import {
  examineAudience,
  examineDates,
  examineIssuer,
  examineRequiredClaims,
  examineTokenKind,
  type Time,
} from './claim-steps.js';
import { examineCredentials, examineSize, examineStructure } from './credential-steps.js';
import {
  type Explanation,
  failed,
  type Members,
  notReached,
  OPAQUE_STEPS,
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

/** What's needed to explain a token. */
export interface ExplainOptions {
  /** For one issuer. */
  readonly server: ResourceServerOptions;
  /** The option `introspection` of the issuer. */
  readonly introspection?: IntrospectionEndpointOptions | undefined;
  /** Every scope that the route requires; empty for a route that any access token opens. */
  readonly scopes: readonly string[];
  /** A line for a shell that checks the issuer with the same options. */
  readonly checkCommand: string;
}

/** A token with a readable header and claims. */
interface ReadToken {
  readonly header: Members;
  readonly claims: Members;
  readonly type: { readonly is: MediaType } | undefined;
}

/**
 * Decides about a request with this `Authorization` field as a resource server with these options does, and
 * says which of its checks pass.
 *
 * The decision is a real resource server's. The steps are the checks it makes, each by the same function.
 * Those after the first failure are made too if they need only the token, so you see at once everything
 * that's wrong with it.
 *
 * @param authorization the field's value, undefined for a request without it
 * @throws {TypeError} wrong options
 */
export async function explainToken(
  authorization: string | undefined,
  { server: options, introspection, scopes, checkCommand }: ExplainOptions,
): Promise<Explanation> {
  // Time is frozen: the decision and the steps must be on the same side of "exp".
  const now = (options.clock ?? Date.now)();
  // A token alone can't prove possession of a key, so it's explained as a bearer token.
  const settings = checkOptions({ ...options, dpop: 'off', refusalWarnings: 'off', clock: () => now });
  const [issuerSettings] = settings.issuers.values();
  if (issuerSettings === undefined) throw new TypeError('options without an issuer were accepted');
  const { issuer, answers } = listenTo(createIssuer(issuerSettings, settings.runtime));
  const server = new RequestVerifier(settings, [issuer]);
  try {
    const request: RequestView = {
      method: 'GET',
      url: 'https://api.example.com/',
      header: (name) => (name === 'authorization' ? authorization : undefined),
    };
    const decision = await decide(server, request, scopes);
    const refusal = decision.kind === 'denied' ? decision : undefined;
    const asked = { introspection, answers, checkCommand };
    const circumstances = { settings, issuer, scopes, refusal, ...asked };
    const { steps, names } = await examine(request, circumstances);
    const auth = decision.kind === 'allowed' ? decision.auth : undefined;
    return { refusal, auth, steps: inOrder(steps, names) };
  } finally {
    server.close();
  }
}

/** An issuer and its answers: each question is asked once. */
function listenTo(issuer: Issuer): { readonly issuer: Issuer; readonly answers: IntrospectionAnswer[] } {
  const answers: IntrospectionAnswer[] = [];
  const { introspection } = issuer;
  if (introspection === undefined) return { issuer, answers };
  const ask: Introspection['ask'] = async (token, isNewcomer) => {
    const answer = await introspection.ask(token, isNewcomer);
    answers.push(answer);
    return answer;
  };
  return { issuer: { ...issuer, introspection: { ...introspection, ask } }, answers };
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
  readonly introspection: IntrospectionEndpointOptions | undefined;
  /** The issuer's answers so far. */
  readonly answers: readonly IntrospectionAnswer[];
  readonly scopes: readonly string[];
  readonly checkCommand: string;
  readonly refusal: Denied | undefined;
}

/** The steps that could be made, and the names of all that apply to such a token. */
async function examine(
  request: RequestView,
  circumstances: Circumstances,
): Promise<{ readonly steps: readonly Step[]; readonly names: readonly StepName[] }> {
  const { settings, issuer, introspection, scopes } = circumstances;
  const { step, token } = examineCredentials(request, settings);
  const names = stepNames(issuer, scopes);
  if (token === undefined) return { steps: [step], names };
  if (introspection === undefined || looksLikeJwt(token))
    return { steps: [step, ...(await examineJwt(token, circumstances))], names };
  const opaqueNames = OPAQUE_STEPS.filter((name) => name !== 'scope' || scopes.length > 0);
  return { steps: [step, ...examineOpaque(token, introspection, circumstances)], names: opaqueNames };
}

/** The resource server that decided has asked the issuer already. */
function examineOpaque(
  token: string,
  options: IntrospectionEndpointOptions,
  { settings, issuer, answers, scopes, refusal }: Circumstances,
): readonly Step[] {
  const { introspection } = issuer;
  const size = examineSize(token);
  if (introspection === undefined || size.status === 'failed') return [size];
  const asked = { answer: answers.at(-1), issuer: { ...issuer, introspection }, options, refusal };
  const { step, members } = examineAnswer(asked);
  const steps = [size, passed('structure', 'opaque: the issuer is asked about it'), step];
  if (members === undefined) return steps;
  return [
    ...steps,
    ...examineMembers(members, asked, currentTime(settings)),
    examineConfirmation(members),
    examineScope(members, introspection, scopes),
  ];
}

async function examineJwt(token: string, circumstances: Circumstances): Promise<readonly Step[]> {
  const { issuer, scopes, refusal, checkCommand } = circumstances;
  const { steps: structureSteps, segments } = examineStructure(token);
  const steps = [...structureSteps];
  if (segments === undefined) return steps;
  const header = examineJson('header', segments[0]);
  steps.push(header.step);
  if (header.members === undefined) return steps;
  const { steps: headerSteps, type } = examineHeader(header.members, issuer.algorithms);
  steps.push(...headerSteps);
  const claims = examineJson('claims', segments[1]);
  steps.push(claims.step);
  if (claims.members === undefined) return steps;
  const read = { header: header.members, claims: { ...claims.members }, type };
  dropAbsentClaims(read.claims);
  steps.push(...examineClaims(read, circumstances));
  // The issuer isn't asked about a token that can't be valid.
  if (steps.every(({ status }) => status === 'passed')) {
    const key = await examineKey(read.header, issuer, checkCommand);
    steps.push(key);
    if (key.status === 'passed') steps.push(examineSignature(refusal));
  }
  steps.push(examineConfirmation(read.claims), examineScope(read.claims, issuer, scopes));
  return steps;
}

function examineClaims({ claims, type }: ReadToken, { settings, issuer }: Circumstances): readonly Step[] {
  const time = currentTime(settings);
  return [
    examineIssuer(claims, issuer),
    ...(type === undefined ? [] : [examineTokenType(type.is, issuer.tokenType)]),
    ...examineDates(claims, time),
    ...(type === undefined ? [] : [examineTokenKind(type.is, claims, issuer)]),
    examineAudience(claims, issuer),
    examineRequiredClaims(claims, issuer),
  ];
}

function currentTime({ runtime: { clock, clockToleranceSeconds } }: Settings): Time {
  return { now: clock() / 1000, toleranceSeconds: clockToleranceSeconds };
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

function examineScope(
  claims: Members,
  { scopeSource }: Pick<Issuer, 'scopeSource'>,
  scopes: readonly string[],
): Step {
  // Other steps check the types of the claims.
  const { scopes: granted } = new ScopeReader().read(claims as StandardClaims, scopeSource);
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

/** The steps that these options require, for a token that is or should be a JWT. */
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
