import type { JSONWebKeySet, JWTPayload } from 'jose';
import { badOption, type Checks, checkObject, flag, optional, optionError, text } from '../../lib/check.js';
import type { Runtime } from '../../lib/runtime.js';
import {
  AssertionFault,
  type AssertionOptions,
  createReplayMemory,
  openKeys,
  verifyAssertion,
} from './assertions.js';
import type { Label } from './client-certificates.js';
import { type Client, checkKeys, KEY_CHECKS } from './clients.js';
import { describeToken } from './token-mint.js';

/** An issuer whose assertions clients exchange for access tokens (RFC 7523 §2.1). */
export interface AssertionIssuerOptions {
  /** `"iss"` of its assertions, compared exactly. */
  readonly issuer: string;
  /** Its public keys. Either this or `jwksUri` is required. */
  readonly jwks?: JSONWebKeySet;
  /** Where it publishes them: an https URL (http only for loopback hosts). */
  readonly jwksUri?: string;
  /**
   * Refuses an assertion that was used before, by its `"jti"`. Default true. Turn it off for tokens that a
   * platform makes for a longer time, such as the projected ones of Kubernetes.
   */
  readonly singleUse?: boolean;
}

const CHECKS = {
  issuer: text,
  ...KEY_CHECKS,
  singleUse: optional<boolean>(flag),
} satisfies Checks<AssertionIssuerOptions>;

/** @throws {TypeError} naming the option, what it takes, and the type of what it got */
export function checkAssertionIssuers(
  given: unknown,
  label: Label,
): asserts given is readonly AssertionIssuerOptions[] {
  const name = 'assertionIssuers';
  if (!Array.isArray(given)) throw optionError(label(name), 'a list of issuers', given);
  for (const [index, one] of given.entries()) {
    const at: Label = (member) => label(`${name}[${index}]${member}`);
    const { jwks, jwksUri } = checkObject(one, at(''), CHECKS);
    checkKeys({ jwks, jwksUri }, at);
    if (jwks === undefined && jwksUri === undefined) throw badOption(at(''), 'needs jwks or jwksUri');
  }
}

/**
 * Checks that each client's workload names a trusted issuer.
 *
 * @throws {TypeError}
 */
export function checkWorkloads(
  clients: readonly { readonly workload?: { readonly issuer?: unknown } | undefined }[],
  issuers: readonly { readonly issuer: string }[],
  label: Label,
): void {
  for (const [index, { workload }] of clients.entries()) {
    if (workload === undefined || issuers.some(({ issuer }) => issuer === workload.issuer)) continue;
    const name = label(`clients[${index}].workload.issuer`);
    throw badOption(name, `names none of "${label('assertionIssuers')}"`);
  }
}

/** The issuers of assertions that are trusted. */
export interface AssertionIssuers {
  /**
   * Verifies an assertion of one of them (RFC 7523 §3), and that it's used once.
   *
   * @param what what messages call it
   * @throws {AssertionFault} it isn't valid (the promise rejects)
   * @throws {Refusal} 503: the keys are out of reach (the promise rejects)
   */
  verify(assertion: string, what: string): Promise<JWTPayload>;
}

export function createAssertionIssuers(
  options: readonly AssertionIssuerOptions[],
  { audiences, runtime }: Pick<AssertionOptions, 'audiences'> & { readonly runtime: Runtime },
): AssertionIssuers {
  const { clock } = runtime;
  const remember = createReplayMemory(clock);
  const trusted = new Map(
    options.map((one) => [one.issuer, { ...one, keys: openKeys(one.issuer, one, runtime) }]),
  );
  return {
    async verify(assertion, what) {
      // Only to find the issuer's keys: nothing is verified yet.
      const iss = describeToken(assertion).claims?.iss;
      const known = typeof iss === 'string' ? trusted.get(iss) : undefined;
      const keys = known?.keys;
      if (known === undefined || keys === undefined)
        throw new AssertionFault(`the ${what} comes from an untrusted issuer`);
      const { issuer, singleUse = true } = known;
      const asserter = { issuer, keys, owner: 'its issuer', requiredClaims: ['sub', 'aud', 'exp'] };
      const { claims } = await verifyAssertion(assertion, what, asserter, { audiences, clock });
      const { jti, exp = 0 } = claims;
      if (singleUse && jti !== undefined && !(await remember(`${issuer} ${jti}`, exp)))
        throw new AssertionFault(`the ${what} was used before`);
      return claims;
    },
  };
}

/** The client whose workload an assertion is about. Nothing is verified. */
export function findWorkload(clients: readonly Client[], assertion: string): Client | undefined {
  const { iss, sub } = describeToken(assertion).claims ?? {};
  return clients.find(
    ({ workload }) => workload?.issuer === iss && workload?.subject === sub && iss !== undefined,
  );
}
