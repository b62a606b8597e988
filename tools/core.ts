// What the tools use of the library's inside, beyond its public face: `check` and `explain` repeat single
// steps of the verifier, and the development issuer reads keys and options as the library does.

export { formEncode } from '../src/issuer/client-authentication.js';
export { checkMetadata, metadataUrls } from '../src/issuer/discovery.js';
export type { Introspection, IntrospectionAnswer } from '../src/issuer/introspection.js';
export { createIssuer, type Issuer } from '../src/issuer/issuer.js';
export { createKeyIndex, findKey } from '../src/issuer/key-index.js';
export { readKeys } from '../src/issuer/key-source.js';
export { keyLifetime } from '../src/issuer/keys-policy.js';
export { Metadata } from '../src/issuer/metadata-document.js';
export { findIssuer } from '../src/issuer/trusted-issuers.js';
export {
  importVerificationKey,
  readMember as readKey,
  type SkipCause,
  type VerificationKey,
} from '../src/issuer/verification-key.js';
export {
  badOption,
  checkNames,
  checkObject,
  flag,
  identifiers,
  idOrSecret,
  isOptionError,
  object,
  oneOf,
  optional,
  text,
  textOrTexts,
  wholeNumberBetween,
  YEAR_SECONDS,
} from '../src/lib/check.js';
export { closestTo } from '../src/lib/closest.js';
export { TimeLimitExceeded, withTimeLimit } from '../src/lib/deadline.js';
export { describeDifference, suggestIssuer } from '../src/lib/difference.js';
export { describeError } from '../src/lib/errors.js';
export { FetchFailure, fetchJson } from '../src/lib/fetch.js';
export { isJsonObject } from '../src/lib/json.js';
export { printable, quote as quotePublic, typeName, withoutCredentials } from '../src/lib/public-text.js';
export {
  describeUrlFault,
  hasPlaceholder,
  isAcceptableUrl,
  isIssuerIdentifier,
  issuerOfMetadata,
} from '../src/lib/url.js';
export { checkOptions, type Settings } from '../src/options/options.js';
export { DEFAULT_KEYS } from '../src/options/trusted-issuer.js';
export { DESCRIPTIONS } from '../src/reasons.js';
export { checkToken, readCredentials } from '../src/request/credentials.js';
export { RequestVerifier } from '../src/resource-server.js';
export { ALGORITHMS } from '../src/terms.js';
export {
  checkAudience,
  dropAbsentClaims,
  findDateFault,
  missingClaims,
  readAudience,
  readClaim,
  readClientId,
  wronglyTypedClaims,
} from '../src/token/claims.js';
export {
  isCanonicalBase64url,
  MAX_TOKEN_LENGTH,
  needsExtension,
  parseSegment,
  readAlgorithm,
  splitCompactJws,
} from '../src/token/compact-jws.js';
export { isScopeToken } from '../src/token/scope.js';
export {
  checkTokenKind,
  checkTokenType,
  foreignKind,
  foreignMark,
  type MediaType,
  readMediaType,
} from '../src/token/token-kind.js';
export type { TokenRules } from '../src/token/token-rules.js';
export { ScopeReader } from '../src/verification/granted-scopes.js';
export { checkAnswerKind, looksLikeJwt } from '../src/verification/introspected-token.js';
