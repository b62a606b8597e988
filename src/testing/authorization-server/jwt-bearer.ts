import type { JSONWebKeySet } from 'jose';
import { checkNames, flag, optional, optionError, text } from '../../lib/check.js';
import type { Runtime } from '../../lib/runtime.js';
import {
  AssertionFault,
  type AssertionOptions,
  createReplayMemory,
  openKeys,
  verifyAssertion,
} from './assertions.js';
import type { Label } from './client-certificates.js';
import { type Client, checkKeys } from './clients.js';
import { decideGrant, type Granted, readGrantRequest } from './grants.js';
import { refusal } from './http.js';
import { type Form, parameter } from './request-body.js';
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

const NAMES: readonly (keyof AssertionIssuerOptions)[] = ['issuer', 'jwks', 'jwksUri', 'singleUse'];

/** @throws {TypeError} naming the option, what it takes, and the type of what it got */
export function checkAssertionIssuers(
  given: unknown,
  label: Label,
): asserts given is readonly AssertionIssuerOptions[] {
  const name = 'assertionIssuers';
  if (!Array.isArray(given)) throw optionError(label(name), 'a list of issuers', given);
  for (const [index, one] of given.entries()) {
    const at: Label = (member) => label(`${name}[${index}]${member}`);
    checkNames(one, NAMES, at(''));
    text(one.issuer, at('.issuer'));
    checkKeys(one, at);
    if (one.jwks === undefined && one.jwksUri === undefined)
      throw new TypeError(`option "${at('')}" needs jwks or jwksUri`);
    optional<boolean>(flag)(one.singleUse, at('.singleUse'));
  }
}

/** The grant of RFC 7523 §2.1: an assertion of another issuer says for whom the token is. */
export type JwtBearerGrant = (form: Form, client: Client) => Promise<Granted>;

/** It rejects with a {@link Refusal}: 400 `invalid_grant` (RFC 7523 §3.1), or that of scope or target. */
export function createJwtBearerGrant(
  issuers: readonly AssertionIssuerOptions[],
  { audiences, runtime }: Pick<AssertionOptions, 'audiences'> & { readonly runtime: Runtime },
): JwtBearerGrant {
  const { clock } = runtime;
  const remember = createReplayMemory(clock);
  const trusted = new Map(
    issuers.map((one) => [one.issuer, { ...one, keys: openKeys(one.issuer, one, runtime) }]),
  );
  return async (form, client) => {
    const assertion = parameter(form, 'assertion');
    if (assertion === undefined) throw refusal(400, 'invalid_request', 'the parameter assertion is missing');
    // Only to find the issuer's keys: nothing is verified yet.
    const iss = describeToken(assertion).claims?.iss;
    const issuer = typeof iss === 'string' ? trusted.get(iss) : undefined;
    const keys = issuer?.keys;
    if (issuer === undefined || keys === undefined)
      throw refusal(400, 'invalid_grant', 'the assertion is of an issuer that is not trusted');
    const asserter = {
      issuer: issuer.issuer,
      keys,
      owner: 'its issuer',
      requiredClaims: ['sub', 'aud', 'exp'],
    };
    const verified = verifyAssertion(assertion, 'assertion', asserter, { audiences, clock });
    const { claims } = await verified.catch((error: unknown) => {
      throw error instanceof AssertionFault ? refusal(400, 'invalid_grant', error.message) : error;
    });
    const grant = decideGrant(client, readGrantRequest(form));
    const { sub, jti, exp = 0 } = claims;
    const isNew = issuer.singleUse === false || jti === undefined || remember(`${iss} ${jti}`, exp);
    if (!isNew) throw refusal(400, 'invalid_grant', 'the assertion was used before');
    return { grant, claims: { sub } };
  };
}
