import { isResourceServerError } from '../../errors.js';
import { isJsonObject } from '../../lib/json.js';
import type { TokenClaims } from '../token-claims.js';
import type { Client } from './clients.js';
import { decideGrant, type Granted, readGrantRequest } from './grants.js';
import { refusal } from './http.js';
import type { OwnToken, OwnTokenVerifier } from './own-tokens.js';
import { type Form, parameter } from './request-body.js';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** An access token of this issuer is a JWT, so it may be called either. */
const TOKEN_TYPES: readonly unknown[] = [ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt'];

/** What a token says of itself, and not of its subject (RFC 9068 §2.2, RFC 7800 §3.1, RFC 8693 §4). */
const OF_THE_TOKEN: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope'],
  ...['cnf', 'act', 'may_act'],
]);

/**
 * The token exchange (RFC 8693). The new token is about the subject of an access token of this issuer, for
 * the client that asks, and ends with the subject token at the latest. Its scopes are among those of the
 * subject token and of the client.
 *
 * @throws {Refusal} 400 `invalid_request`, `invalid_target`, `invalid_scope` (RFC 8693 §2.2.2)
 */
export async function exchangeToken(form: Form, client: Client, verify: OwnTokenVerifier): Promise<Granted> {
  const requested = parameter(form, 'requested_token_type') ?? ACCESS_TOKEN;
  if (!TOKEN_TYPES.includes(requested))
    throw refusal(400, 'invalid_request', 'requested_token_type is neither access_token nor jwt');
  const subject = await readToken(form, 'subject', verify);
  if (subject === undefined) throw refusal(400, 'invalid_request', 'the parameter subject_token is missing');
  const actor = await readToken(form, 'actor', verify);
  checkMayAct(subject, actor?.subject ?? client.clientId);
  const grant = decideGrant(client, { ...readGrantRequest(form), upTo: subject.scopes });
  const own = Object.entries(subject.claims).filter(([name]) => !OF_THE_TOKEN.has(name));
  return {
    grant,
    claims: { ...Object.fromEntries(own), ...actClaim(subject, actor) },
    endsAt: subject.expiresAt,
    members: { issued_token_type: requested },
  };
}

/** @param role `subject` or `actor`, which the names of the parameters begin with */
async function readToken(form: Form, role: string, verify: OwnTokenVerifier): Promise<OwnToken | undefined> {
  const token = parameter(form, `${role}_token`);
  const type = parameter(form, `${role}_token_type`);
  if (token === undefined && type === undefined) return undefined;
  if (token === undefined || type === undefined)
    throw refusal(400, 'invalid_request', `${role}_token and ${role}_token_type go together`);
  if (!TOKEN_TYPES.includes(type))
    throw refusal(400, 'invalid_request', `${role}_token_type is neither access_token nor jwt`);
  try {
    return await verify(token);
  } catch (error) {
    if (!isResourceServerError(error)) throw error;
    // Not invalid_grant: RFC 8693 §2.2.2.
    throw refusal(400, 'invalid_request', `${role}_token is not valid: ${error.reason}`);
  }
}

/** RFC 8693 §4.4: the subject token may say who may act for its subject. */
function checkMayAct({ claims: { may_act: mayAct } }: OwnToken, actor: string): void {
  if (mayAct === undefined) return;
  if (!isJsonObject(mayAct) || mayAct.sub !== actor)
    throw refusal(400, 'invalid_request', 'may_act of the subject token names another actor');
}

/**
 * RFC 8693 §4.1: the actor, and inside it who acted before. Without an actor token the client takes the place
 * of the subject, and who acted before stays.
 */
function actClaim({ claims: { act: before } }: OwnToken, actor: OwnToken | undefined): TokenClaims {
  if (actor === undefined) return before === undefined ? {} : { act: before };
  const { sub, client_id } = actor.claims;
  return { act: { sub, client_id, ...(before === undefined ? {} : { act: before }) } };
}
