import type { AssertionIssuers } from './assertion-issuers.js';
import { AssertionFault } from './assertions.js';
import type { Client } from './clients.js';
import { decideGrant, type Granted, readGrantRequest } from './grants.js';
import { refusal } from './http.js';
import { type Form, parameter } from './request-body.js';

/**
 * The grant of RFC 7523 §2.1: an assertion of another issuer says whom the token is about.
 *
 * @throws {Refusal} 400 `invalid_grant` (RFC 7523 §3.1), or that of scope or target (the promise rejects)
 */
export async function grantByAssertion(
  form: Form,
  client: Client,
  issuers: AssertionIssuers,
): Promise<Granted> {
  const assertion = parameter(form, 'assertion');
  if (assertion === undefined) throw refusal(400, 'invalid_request', 'the parameter assertion is missing');
  const grant = decideGrant(client, readGrantRequest(form));
  try {
    const { sub } = await issuers.verify(assertion, 'assertion');
    return { grant, claims: { sub } };
  } catch (error) {
    throw error instanceof AssertionFault ? refusal(400, 'invalid_grant', error.message) : error;
  }
}
