import type { StandardClaims } from '../auth.js';
import { InvalidTokenError } from '../errors.js';
import type { IntrospectionAnswer } from '../issuer/introspection.js';
import type { IntrospectionSettings, WantedMember } from '../issuer/introspection-settings.js';
import { isJsonObject, type JsonObject } from '../lib/json.js';
import {
  checkAudience,
  dropAbsentClaims,
  findDateFault,
  readClientId,
  wronglyTypedClaims,
} from '../token/claims.js';
import { foreignKind } from '../token/token-kind.js';
import type { TokenRules } from '../token/token-rules.js';

/** What some servers say of access tokens in a member `token_use` (Ory Hydra, Amazon). */
const ACCESS_TOKEN_USES: ReadonlySet<unknown> = new Set(['access_token', 'access']);

/** A token that its issuer calls active and that is for this API. */
export interface ActiveToken {
  /** What the issuer said; `"iss"` and `"exp"` are always there. */
  readonly claims: JsonObject & StandardClaims;
  /** What the issuer didn't say and needn't. */
  readonly absent: readonly WantedMember[];
}

/**
 * Checks what an issuer said about a token (RFC 7662 §2.2, §4), as if it were the claims of a JWT: the issuer
 * may not know what this API is, and clocks differ.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds tolerated clock difference
 * @throws {InvalidTokenError} `token_inactive`, `invalid_claim`, `iss_mismatch`, `token_type_mismatch`,
 *   `not_an_access_token`, `missing_claim`, `expired`, `not_yet_valid`, `issued_in_future`, `aud_mismatch`
 */
export function checkAnswer(
  { active, ...said }: IntrospectionAnswer,
  rules: TokenRules,
  { mayBeAbsent, cacheSeconds }: IntrospectionSettings,
  now: number,
  toleranceSeconds: number,
): ActiveToken {
  if (!active) throw new InvalidTokenError('token_inactive');
  const answer: Record<string, unknown> = said;
  dropAbsentClaims(answer);
  if (wronglyTypedClaims(answer).length > 0) throw new InvalidTokenError('invalid_claim');
  if (Object.hasOwn(answer, 'iss') && answer.iss !== rules.issuer)
    throw new InvalidTokenError('iss_mismatch');
  checkTokenType(answer);
  const absent = (['aud', 'exp'] as const).filter(
    (name) => mayBeAbsent.has(name) && !Object.hasOwn(answer, name),
  );
  const claims = {
    ...answer,
    iss: rules.issuer,
    // Nobody knows how long it's valid: until it's asked about again, then.
    ...(absent.includes('exp') && { exp: Math.ceil(now + Math.max(cacheSeconds, 1)) }),
  };
  const fault = findDateFault(claims, now, toleranceSeconds);
  if (fault !== undefined)
    throw new InvalidTokenError(fault, fault === 'missing_claim' ? hintAt('exp') : undefined);
  if (!absent.includes('aud')) checkAnswerAudience(claims, rules);
  // The types of the registered claims were looked at above.
  return { claims: claims as ActiveToken['claims'], absent };
}

/**
 * Some tokens that aren't access tokens are active as well: refresh tokens, ID tokens. And a token that is
 * bound to a DPoP key is of that type, any other a bearer token (RFC 9449 §6.2). So the scheme of a request,
 * which has to fit the binding, fits the type as well.
 */
function checkTokenType(answer: JsonObject): void {
  const { token_type: type, token_use: use, cnf } = answer;
  if (Object.hasOwn(answer, 'token_use') && !ACCESS_TOKEN_USES.has(use))
    throw new InvalidTokenError('not_an_access_token');
  if (foreignKind({ ...answer, token_type: undefined }) !== undefined)
    throw new InvalidTokenError('not_an_access_token');
  // Duende IdentityServer uses that member for the kind of token, and says nothing about the scheme.
  if (!Object.hasOwn(answer, 'token_type') || type === 'access_token') return;
  const expected = isJsonObject(cnf) && Object.hasOwn(cnf, 'jkt') ? 'dpop' : 'bearer';
  if (typeof type !== 'string' || type.toLowerCase() !== expected)
    throw new InvalidTokenError('token_type_mismatch');
}

function checkAnswerAudience(claims: JsonObject, rules: TokenRules): void {
  if (Object.hasOwn(claims, 'aud')) {
    checkAudience(claims, rules);
    return;
  }
  const clientId = readClientId(claims, rules) ?? claims.client_id;
  if (typeof clientId === 'string' && rules.clientIds.has(clientId)) return;
  throw new InvalidTokenError('aud_mismatch', hintAt('aud'));
}

function hintAt(name: WantedMember): string {
  const options = name === 'aud' ? 'clientIds or mayBeAbsent' : 'mayBeAbsent';
  return `the introspection response has no "${name}"; an issuer that sends none needs ${options}`;
}
