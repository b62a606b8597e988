import { describe, expect, it } from 'vitest';
import { titledTests } from '../support/titled-tests.js';
import { readPage } from './markdown.js';

const ORDER =
  'unit/resource-server.test.ts: the order of checks › is that of docs/security.md: of all that is wrong, the first counts';
const TARGETS =
  'property/dpop-targets.property.test.ts: with baseUrl … › opens with a proof the route that the proof is for, and no other';
const HOSTILE =
  'property/hostile-requests.property.test.ts: refuses every hostile request, and none with a server error';

/**
 * What docs/security.md says of this package, word for word, and the tests that show it: `file: title`, as in
 * docs/requirements.md. Several claims may be in one sentence.
 */
const CLAIMS: Readonly<Record<string, readonly string[]>> = {
  '**Messages of MCP**, with [`mcpScopes`](mcp.md#the-map): their form': [
    'adapters/mcp.test.ts: an MCP endpoint on … › answers 400 to …',
    'adapters/mcp.test.ts: an MCP endpoint on … › answers 400 with HeaderMismatch to header fields that say something else: …',
    'adapters/mcp.test.ts: an MCP endpoint on … › refuses … that the map does not have, without a challenge, since no token opens it',
    'adapters/mcp.test.ts: an MCP endpoint on … › refuses … without its scopes, and names all of them',
  ],
  // What it protects against
  'each issuer for its own tokens': [
    'unit/verification/jwt.test.ts: several issuers › each have their own keys, even under the same kid',
  ],
  'is a [function](#issuers-named-at-run-time), so is what it says': [
    'unit/issuer/trusted-issuers.test.ts: an issuer that a function names › is trusted: …',
  ],
  "any part of an issuer's documents that isn't needed": [
    'http/issuer-documents.test.ts: metadata › may have unknown members',
    'http/issuer-documents.test.ts: metadata › is not taken from what the document inherits',
  ],
  "401; the handler doesn't run": [
    'contract/contract.ts: answers a request without credentials with a challenge that has no error',
    'contract/contract.ts: refuses a forgery: …',
    HOSTILE,
  ],
  'signature over the bytes as received; only canonical encoding': [
    'property/tokens.property.test.ts: a valid … token › is refused with any bit of any segment flipped',
    'unit/token/compact-jws.test.ts: splitToken › refuses stray bits in the last character of the …',
  ],
  'a list of asymmetric algorithms, and each key bound to its own': [
    'unit/options/options.test.ts: the defaults › allow asymmetric algorithms only, so that no secret is ever compared',
    'unit/verification/jwt.test.ts: the algorithm › refuses …: …',
    'unit/verification/jwt.test.ts: the algorithm › …: …',
  ],
  'keys come only from the trusted issuer': [
    'unit/verification/jwt.test.ts: the key › is not taken from … in the header, and nothing is fetched for it',
  ],
  '`kid`, `x5t#S256` and `x5t` are only compared': [
    'unit/issuer/key-index.test.ts: findKey › finds a key by its id',
    'unit/issuer/key-index.test.ts: findKey › finds a key by the thumbprint of its certificate if the token has no kid',
    'unit/verification/jwt.test.ts: the key › is not found by the kid …',
  ],
  'exact `"iss"`, `"aud"`, and the': [
    "unit/verification/jwt.test.ts: several issuers › aren't guessed: iss … is refused, and no key is asked for",
    'unit/token/claims.test.ts: the audience › may not be …',
    'unit/token/token-kind.test.ts: checkTokenKind › refuses … in a token that otherwise looks like an access token',
  ],
  'whole scopes compared exactly': [
    'contract/contract.ts: refuses a scope that only begins like the required one',
    'contract/contract.ts: compares scopes case-sensitively',
  ],
  'lists are split at spaces only': [
    "contract/contract.ts: doesn't split scopes at commas",
    "contract/contract.ts: doesn't split scopes at tabs",
  ],
  'opens only together with the key': [
    'contract/dpop-rows.ts: refuses a bound token as a bearer token',
    'contract/mtls-rows.ts: refuses a bound token without a certificate',
  ],
  "Bindings that aren't checked are refused": [
    'unit/proof/confirmation.test.ts: checkConfirmation › refuses a token with cnf … if no binding is configured',
  ],
  'Letters that are percent-encoded without need': [
    'unit/proof/target-uri.test.ts: requestTargetUri › is, for … below …: …',
  ],
  'the proof is used up': ['http/dpop-flows.test.ts: refuses a proof the second time'],
  "it's refused for another URL, however the target is spelled": [
    'contract/dpop-rows.ts: refuses a proof for another path',
    TARGETS,
  ],
  'and with another token': ['unit/proof/dpop.test.ts: the order of checks › finds … first'],
  'length limit and all cheap checks first': [
    'unit/verification/jwt.test.ts: header and claims › refuses a genuine token that is too large',
    "unit/verification/jwt.test.ts: the order of checks › asks for no key if the token can't be valid",
  ],
  'no key look-up for an unknown issuer': [
    "unit/verification/jwt.test.ts: several issuers › aren't guessed: iss … is refused, and no key is asked for",
  ],
  'one load of keys per cool-down for unknown key ids': [
    "http/issuer-outages.test.ts: unknown key ids › cause one fetch in ten thousand requests, and don't touch the known keys",
  ],
  "one for signatures that don't verify or keys that don't fit": [
    'http/key-rotation.test.ts: rotation › is noticed if a new key takes the place of the old one without a name of its own: …',
    'http/key-rotation.test.ts: rotation › is noticed if the new key has the old name and another algorithm: … to …',
    "unit/issuer/refreshing-key-set.test.ts: a key that doesn't fit › has no load of its own: it shares the cool-down with unknown key ids",
  ],
  'for made-up opaque tokens, a limited share of the': [
    'unit/issuer/circuit-breaker.test.ts: slots for requests › are a hundred, of which newcomers get eighty',
    'unit/issuer/circuit-breaker.test.ts: slots for requests › are for so many newcomers per second only',
    'http/introspection-outages.test.ts: an endpoint that fails › answers the next good token although 150 invented ones are waited for',
  ],
  'no URL comes from a token': [
    'http/issuer-requests.test.ts: what is never asked › visits no address in a token',
  ],
  'metadata and keys only over https': [
    'unit/issuer/metadata.test.ts: the configured issuer › cannot be …',
    'unit/issuer/metadata.test.ts: discover › refuses metadata from https that lead to …',
  ],
  'redirects not followed, size and time limited': [
    "http/issuer-documents.test.ts: the … document › isn't looked for at the target of a …",
    'http/issuer-documents.test.ts: the … document › is not used when it has a byte more than 1 MiB',
    'http/issuer-documents.test.ts: the … document › is waited for 5 seconds when the issuer stalls …',
  ],
  'nothing of the request is reflected': ['contract/contract.ts: reflects no part of the request'],
  'the description is a fixed text': [
    'unit/errors.test.ts: every error › has a fixed description in allowed characters: …',
  ],
  'no token, claim or key in errors and answers': [
    'unit/secrecy.test.ts: what is left of a refused token › contains no part of it: …',
    'unit/secrecy.test.ts: what is left of a refused token › contains no part of it when the keys are out of reach (reset: …)',
  ],
  'logs and diagnostics messages name issuer and client of a verified token, and no other claim': [
    'unit/secrecy.test.ts: what is left of an accepted token › is in no message of a channel, no log, no metric and no span',
    'adapters/fastify.test.ts: the answer › is logged with its reason and nothing of the request: 503 as a warning, the rest as information',
    'adapters/fetch.test.ts: shows refusals with NODE_DEBUG, and nothing of the token',
  ],
  'known keys stay in use': [
    'http/issuer-outages.test.ts: an issuer that … › does no harm while the last good keys may serve, and then 503',
  ],
  'without keys, or without its word about an opaque token, the answer is 503': [
    'contract/contract.ts: answers 503 when the keys are out of reach',
    "contract/introspection-rows.ts: answers 503 when it can't find out whether the token is active",
  ],
  'A fault in your own functions never lets anyone in.': [
    'unit/diagnostics.test.ts: isAccessToken › accepts a token only with true, and reports a wrong value: …',
  ],
  'a predicate of a requirement throws, the request is refused': [
    'unit/requirement/check-requirement.test.ts: a predicate › refuses if it throws …, which is reported without the text',
    'unit/requirement/check-requirement.test.ts: authorization details › are refused if the predicate throws, and that is reported without the text',
  ],
  'a function in `clientIdClaim`': [
    'unit/options/workloads.test.ts: a function in clientIdClaim › that returns … lets nobody in',
  ],
  'the token grants nothing': [
    'unit/verification/granted-scopes.test.ts: scopes by a function › are none if it …',
  ],
  'If `isRevoked` throws, or a function in `issuer` or `jwks` fails on its first call, the answer is 503.': [
    'unit/verification/revocation.test.ts: isRevoked › answers 503 if it …, without its text',
    'unit/issuer/trusted-issuers.test.ts: when the function fails › …: 503',
    "unit/verification/jwt.test.ts: the order of checks › doesn't blame the token for an outage",
  ],

  // What is checked, in which order
  'The first failure decides.': [ORDER],
  'at most one `Authorization` line, counted in the raw header fields': [
    'contract/contract.ts: refuses a second Authorization line, whatever its scheme or case',
    'unit/request/view.test.ts: the header fields of a Node request › are read line by line if Node drops or joins lines',
  ],
  'the scheme `Bearer` or `DPoP` in any case': [
    'contract/contract.ts: accepts the scheme in mixed case',
    'contract/dpop-rows.ts: accepts the DPoP scheme in lower case',
  ],
  'one token of allowed characters': [
    'contract/contract.ts: refuses characters that no token has',
    'contract/contract.ts: refuses a second word',
  ],
  'at most 16384 characters, three parts of canonical base64url': [
    'unit/token/compact-jws.test.ts: splitToken › reads tokens of up to 16384 characters',
    'unit/token/compact-jws.test.ts: splitToken › refuses …: …',
  ],
  'a JSON object in UTF-8, `alg` on the list, no `crit`, `typ` not of another kind of JWT': [
    'unit/token/compact-jws.test.ts: parseSegment › refuses invalid UTF-8: …',
    'unit/verification/jwt.test.ts: the algorithm › must be on the list',
    'unit/verification/jwt.test.ts: header and claims › refuses the extension …',
    'unit/token/token-kind.test.ts: readMediaType › refuses the type …',
    ORDER,
  ],
  'exactly a configured issuer, or one that your function names': [
    "unit/verification/jwt.test.ts: several issuers › aren't guessed: iss … is refused, and no key is asked for",
    'unit/issuer/trusted-issuers.test.ts: an issuer that a function names › is trusted: …',
  ],
  'then its own algorithms and token type': [
    'unit/verification/jwt.test.ts: the algorithm › must be on the list of the very issuer',
    'unit/verification/jwt.test.ts: several issuers › each have their own audience and token type',
    ORDER,
  ],
  'The function is asked only after the types and dates below.': [
    'unit/issuer/trusted-issuers.test.ts: the application is asked › not about …',
    HOSTILE,
  ],
  'types of the claims that decide; `"exp"`, `"nbf"`, `"iat"`; no ID token; `"aud"`': [
    'unit/token/claims.test.ts: types › refuses a client_id that is not a string',
    'unit/token/claims.test.ts: times › exp … with tolerance …: …',
    'unit/token/claims.test.ts: the audience › may not be …',
    ORDER,
  ],
  "with `tokenType: 'at+jwt'` all claims that RFC 9068 requires.": [
    'unit/token/claims.test.ts: the strict profile › requires …',
    ORDER,
  ],
  'the one that the issuer published under this `kid`, for this algorithm, strong enough': [
    'unit/issuer/key-index.test.ts: findKey › finds a key by its id',
    'unit/issuer/key-index.test.ts: findKey › refuses a key of another algorithm and one that is too weak',
    ORDER,
  ],
  'may name the thumbprint of a certificate; otherwise only one key may fit': [
    'unit/issuer/key-index.test.ts: findKey › finds a key by the thumbprint of its certificate if the token has no kid',
    'unit/issuer/key-index.test.ts: findKey › picks the only key for the algorithm without a kid, and refuses to choose between several',
  ],
  '**Signature**, by': ['unit/verification/jwt.test.ts: the signature › is refused: …', ORDER],
  "**The application's rule** for this issuer": [
    'unit/verification/jwt.test.ts: isAccessToken › can refuse a token with the usual marks',
    'unit/verification/jwt.test.ts: isAccessToken › sees nothing but verified tokens, and cannot change them',
    ORDER,
  ],
  'whatever `"cnf"` names, the client must show': [
    'unit/proof/confirmation.test.ts: checkConfirmation › refuses if either fails',
    'http/dpop-flows.test.ts: requires certificate and proof for a token that is bound to both',
    ORDER,
  ],
  'What is unknown or off is refused.': [
    'unit/proof/confirmation.test.ts: checkConfirmation › refuses a token with cnf … if no binding is configured',
    'unit/proof/confirmation.test.ts: checkConfirmation › refuses an unknown binding if all are configured: …',
  ],
  '**Revocation**: your `isRevoked`, if there is one.': [
    'unit/verification/revocation.test.ts: isRevoked › is asked only about valid tokens',
    ORDER,
  ],
  'the token may have expired during a wait': [
    'unit/resource-server.test.ts: a token that expires meanwhile › is refused if its keys had to be loaded',
    'unit/resource-server.test.ts: a token that expires meanwhile › is refused if isRevoked took its time, even if the token is remembered',
  ],
  'scopes, then the predicates over claims and authorization details': [
    'unit/requirement/check-requirement.test.ts: authentication › goes before what else is missing',
    'unit/requirement/check-requirement.test.ts: a predicate › is not asked where a scope is missing',
    ORDER,
  ],
  'A token that was verified before skips steps 2 to 8': [
    'unit/verification/token-verifier.test.ts: a token that was verified before › is decided upon from memory, and only the first use pays for the signature',
    'unit/verification/token-verifier.test.ts: a token that was verified before › is refused as soon as it expires',
    'unit/verification/token-verifier.test.ts: a token that was verified before › is refused when its key is withdrawn',
    'unit/issuer/trusted-issuers.test.ts: an issuer that is named no more › is refused at the next question, remembered tokens included',
  ],
  'its issuer is asked, and the answer is': [
    'contract/introspection-rows.ts: accepts an opaque token that its issuer calls active',
    'contract/introspection-rows.ts: refuses an opaque token for another API',
  ],
  'A JWT never takes that way by default.': [
    'unit/verification/introspection.test.ts: what is asked about › never asks about JWTs by default',
  ],
  'they pass steps 2 and 3 first (`alg` may be any but `none` if the issuer has no keys)': [
    "unit/verification/introspection.test.ts: what is asked about › doesn't ask about a JWT that can't be valid: …",
    'unit/verification/introspection.test.ts: what is asked about › still asks about a JWT with encoded claims, or with an algorithm that only its issuer can check',
  ],
  'the signature is verified first': [
    "unit/verification/introspection.test.ts: what is asked about › asks about JWTs as well if that's configured, once the signature was checked",
    'http/introspection-requests.test.ts: where the request goes › is not asked about forged JWTs of an issuer with keys, and good ones get in',
  ],
  'steps 2 to 5 can only say no': [
    'unit/verification/jwt.test.ts: isAccessToken › sees nothing but verified tokens, and cannot change them',
    'unit/verification/jwt.test.ts: the signature › is valid for exactly this header and these claims',
  ],
  'junk costs neither cryptography nor network': [
    "unit/verification/jwt.test.ts: the order of checks › asks for no key if the token can't be valid",
    'http/issuer-requests.test.ts: what is never asked › fetches nothing for a token …',
  ],

  // ID tokens
  'must not open an API': ['unit/options/presets.test.ts: an ID token of a known issuer › is refused: …'],
  "So with `tokenType: 'any'`, a token that isn't typed `at+jwt`": [
    "unit/token/token-kind.test.ts: checkTokenKind › accepts a token whose type says that it's an access token",
  ],
  "It's refused if it has any of the claims": [
    'unit/token/token-kind.test.ts: checkTokenKind › refuses … in a token that otherwise looks like an access token',
    'unit/token/token-kind.test.ts: checkTokenKind › accepts a token whose audience is the client among others',
  ],
  'At least one of: a scope': [
    'unit/token/token-kind.test.ts: checkTokenKind › accepts … as the mark of an access token',
    'unit/token/token-kind.test.ts: checkTokenKind › finds the client under the configured name',
  ],
  "What `scopeClaim` names doesn't count": [
    "unit/token/token-kind.test.ts: checkTokenKind › doesn't accept … as such a mark if it has the scopes, since ID tokens carry roles too",
  ],
  'Nor does `azp`, unless `clientIdClaim` names it': [
    "unit/token/token-kind.test.ts: checkTokenKind › doesn't accept … as such a mark",
  ],
  'is refused whatever its header says': [
    'unit/token/token-kind.test.ts: checkTokenKind › refuses a refresh token that says so in …, whatever its type',
  ],
  'replaces the second test': [
    'unit/token/token-kind.test.ts: checkTokenKind › leaves a token without a mark to the rule of its issuer',
    'unit/verification/jwt.test.ts: isAccessToken › decides about a token without the usual marks',
  ],
  'The first test still applies.': [
    'unit/token/token-kind.test.ts: checkTokenKind › leaves a token without a mark to the rule of its issuer',
  ],
  'and has none of the other marks opens the API as well': [
    'unit/token/token-kind.test.ts: checkTokenKind › accepts its client as the only audience if the issuer names the API so, but no ID token',
  ],
  'outweighs the `nonce`, but no other mark': [
    'unit/token/token-kind.test.ts: checkTokenKind › accepts a nonce beside …, which says that this is an access token',
  ],
  'Other issuers must leave it out, or type their access tokens `at+jwt`': [
    "unit/token/token-kind.test.ts: checkTokenKind › accepts a token whose type says that it's an access token",
  ],
  'set `nonceMayBePresent` for it: then the audience and the other marks keep its ID tokens out': [
    'unit/token/token-kind.test.ts: checkTokenKind › accepts the nonce of a login if the issuer puts it into access tokens, but no ID token',
  ],
  'then none of this guesswork is needed': [
    'unit/options/presets.test.ts: an ID token of a known issuer › is refused for its type if at+jwt is required: …',
  ],

  // Tokens bound to a DPoP key
  'which is on by default': [
    'unit/options/dpop.test.ts: the option dpop › is plain data with the documented defaults',
  ],
  'only with a fresh proof by its key, for this method, this URL and this token, and only once': [
    'contract/dpop-rows.ts: refuses a proof for another method',
    'contract/dpop-rows.ts: refuses a proof for another path',
    'contract/dpop-rows.ts: refuses a token that is bound to another key',
    'contract/dpop-rows.ts: refuses a forgery: …',
    'property/dpop-proofs.property.test.ts: a resource server › refuses every forged proof, and never breaks',
  ],
  'The URL is that of `baseUrl`, or what the framework says of the request.': [
    'contract/dpop-rows.ts: ignores scheme and host of the request if there is a base URL',
    'contract/dpop-rows.ts: accepts a proof for the whole URL of a mounted router',
  ],
  'Without `baseUrl` the client chooses the host': [
    'contract/dpop-rows.ts: ignores what a client says about scheme and host',
    'contract/dpop-rows.ts: believes a trusted proxy about the scheme and host that were called',
    'contract/dpop-rows.ts: goes by the host of a target in absolute form, not by Host',
  ],
  'with dot segments, plain or encoded, is refused': [
    'unit/proof/target-uri.test.ts: requestTargetUri › is none for dot segments, which routers would see: …',
    'http/dpop-flows.test.ts: opens no other route by dot segments',
    TARGETS,
  ],
  'with a `%` that encodes nothing, or in absolute form with a query right after the host': [
    'unit/proof/target-uri.test.ts: requestTargetUri › is, for … below …: …',
  ],
  'Each instance remembers the proofs that it saw.': [
    'unit/resource-server.test.ts: a proof of possession › opens once at each instance, unless they share a store',
  ],
  'a recorded request opens once at each of them': [
    'unit/resource-server.test.ts: a proof of possession › opens once at each instance, unless they share a store',
    'http/dpop-redis.test.ts: several instances of an API with one Redis server › refuse a proof that another instance has seen',
  ],
  'All checks of a bearer token still apply.': [
    'contract/dpop-rows.ts: refuses an expired token, however good the proof',
    'contract/dpop-rows.ts: refuses a token for another API, however good the proof',
    'contract/dpop-rows.ts: answers 403 if a bound token lacks a scope',
  ],

  // Certificate-bound tokens
  'a token may be bound to a client certificate': [
    'contract/mtls-rows.ts: accepts the certificate that the token is bound to, and keeps the answer out of shared caches',
  ],
  'The digest of the certificate is compared, on every request.': [
    'contract/mtls-rows.ts: refuses another certificate',
    'unit/proof/client-certificate.test.ts: the certificate of the connection › is checked each time, even for a remembered token',
  ],
  "Chain, validity and names aren't checked": [
    'http/mtls-connections.test.ts: … over TLS › accepts the certificate that the token is bound to, even self-signed',
    'unit/proof/client-certificate.test.ts: the certificate of the connection › opens with the example of RFC 8705',
  ],
  'is believed only from `trustedProxies`, by the address of the TCP connection': [
    "contract/mtls-rows.ts: ignores the header of a proxy that isn't trusted",
    'contract/mtls-rows.ts: believes no header about who sent the request',
    'unit/proof/client-certificate.test.ts: the certificate of a header field › is believed by the address of the peer alone',
  ],
  'for every confirmation that is unknown or only partly checked, a bound token is refused': [
    "unit/proof/client-certificate.test.ts: the certificate of the connection › is ignored unless it's configured",
    'unit/proof/confirmation.test.ts: checkConfirmation › refuses what only the other binding could check: …',
    'contract/mtls-rows.ts: refuses a token that is also bound in an unknown way',
  ],

  // Issuers named at run time
  'Anyone can send any `"iss"`.': [HOSTILE],
  'text of at most 1,000 characters without control characters, from a well-formed token in date': [
    'unit/issuer/trusted-issuers.test.ts: the application is asked › not about …',
    HOSTILE,
  ],
  'Only an answer with that very `issuer` counts.': [
    'unit/issuer/trusted-issuers.test.ts: when the function fails › names another issuer: refused',
  ],
  'Its keys verify only its own tokens.': [
    'unit/issuer/trusted-issuers.test.ts: an issuer that a function names › is trusted: …',
    'unit/verification/jwt.test.ts: several issuers › each have their own keys, even under the same kid',
  ],
  'for them take a list, or for tenants your own check': [
    'unit/options/vendor-presets.test.ts: a preset › … refuses parameters that are none',
    'unit/options/vendor-presets.test.ts: the tenants of Entra ID › may be a function, which sees nothing but ids',
  ],
  'They refuse everyone else, and `entraIdMultiTenant` takes a token only if': [
    'unit/options/vendor-presets.test.ts: is refused with …',
    'unit/options/vendor-presets.test.ts: a preset › can be made stricter, not looser',
  ],
  'Invented issuers cost a call each, and no fetch.': [
    'unit/issuer/trusted-issuers.test.ts: an issuer that a function names › may be found by discovery',
  ],
  'At most a hundred such calls run at once': [
    'unit/issuer/trusted-issuers.test.ts: the application is asked › about at most a hundred at once',
  ],
  'refusals are remembered too, and no issuer in use is displaced': [
    'unit/issuer/trusted-issuers.test.ts: the application is asked › again after a while, about those that it named and those that it did not',
    'unit/issuer/trusted-issuers.test.ts: a flood of invented issuers › displaces none that is in use',
  ],

  // What TLS has to protect
  "They're fetched over https.": [
    'unit/issuer/metadata.test.ts: the configured issuer › cannot have a plain http …',
    'http/introspection-tls.test.ts: shows no token to an endpoint with an untrusted certificate',
  ],
  'Plain http is accepted for loopback hosts': [
    'unit/issuer/metadata.test.ts: the configured issuer › can be …',
    'unit/issuer/metadata.test.ts: the configured issuer › can be http elsewhere only with allowInsecureRequests',
    'unit/issuer/metadata.test.ts: discover › accepts http from http at the listed origins only',
  ],
  'Metadata that came over https leads to no plain http address': [
    'unit/issuer/metadata.test.ts: discover › refuses metadata from https that lead to …',
  ],
  '`issuer` is only a name and may begin with `http:`': [
    'unit/options/options.test.ts: a good option › is …',
  ],
  'must be new, for this API, and signed by the issuer': [
    'http/introspection-signed.test.ts: a signed introspection response › is 503 with …',
  ],
  "It doesn't say which token it's about": [
    "http/introspection-signed.test.ts: a signed introspection response › isn't bound to the token that was asked about",
  ],

  // How long a mistake lasts
  'until `"exp"`, plus `clockToleranceSeconds`': [
    'unit/token/claims.test.ts: times › exp … with tolerance …: …',
    'unit/verification/token-verifier.test.ts: a token that was verified before › is refused as soon as it expires',
  ],
  "By default the issuer isn't asked about JWTs": [
    'unit/verification/introspection.test.ts: what is asked about › never asks about JWTs by default',
  ],
  'half a minute': [
    'unit/verification/introspection.test.ts: memory › remembers for half a minute by default',
    'unit/verification/introspection.test.ts: memory › sees at the next question that a token was revoked',
  ],
  '`maxAgeSeconds` (ten minutes), or up to six times that': [
    'http/key-rotation.test.ts: rotation › ends a withdrawn key at the next refresh',
    'unit/issuer/refreshing-key-set.test.ts: how long keys live › when Cache-Control says …',
  ],
  "plus `staleIfErrorSeconds` (a day) while the issuer can't be reached": [
    'unit/issuer/refreshing-key-set.test.ts: how long keys live › end after their age and staleIfErrorSeconds in an outage',
  ],
  'If it answers that it has no keys at all, `maxAgeSeconds`.': [
    'http/issuer-outages.test.ts: an issuer that … › ends the life of its keys with their age',
  ],
  "until it's asked again after `maxAgeSeconds`": [
    'unit/issuer/trusted-issuers.test.ts: an issuer that is named no more › is refused at the next question, remembered tokens included',
  ],
  'plus `staleIfErrorSeconds` while the function fails': [
    'unit/issuer/trusted-issuers.test.ts: when the function fails › still trusts those that it named before, for a day',
  ],
  'until the restart': [
    'unit/options/options.test.ts: createResourceServer › does not notice changes of the options afterwards',
  ],
  'can cut the API off from the issuer has `staleIfErrorSeconds`': [
    'http/issuer-outages.test.ts: a long outage › ends the keys with their age if staleIfErrorSeconds is 0',
  ],

  // What the application must still do
  'In Express, routes before `authenticate` are open': [
    'contract/contract.ts: lets anyone use a public route',
    'adapters/fastify.test.ts: public routes › are public only with true',
    'adapters/nestjs.test.ts: requests … › are protected without a decorator, even HEAD and @All',
  ],
  'in **Express** they pass `authenticate`': [
    'adapters/express.test.ts: preflight requests › meet no requirement if no CORS layer answers them',
    'adapters/express.test.ts: preflight requests › reach just what the documentation says: middleware behind, and handlers that take OPTIONS',
    'contract/contract.ts: leaves a preflight request to the CORS layer',
  ],
  'in **Fastify** they pass to CORS plugins, and are refused before': [
    'adapters/fastify.test.ts: CORS preflight › is left to a CORS plugin registered later',
    'adapters/fastify.test.ts: CORS preflight › reaches neither hooks nor body parser of a route',
  ],
  '`onRequest` hooks of whole scopes after the plugin do run': [
    'adapters/fastify.test.ts: CORS preflight › reaches onRequest hooks of whole scopes behind the plugin, and nothing after them',
  ],
  'in **NestJS** `app.enableCors()` answers them before the guard': [
    'adapters/nestjs.test.ts: requests … › are protected without a decorator, even HEAD and @All',
    'contract/contract.ts: leaves a preflight request to the CORS layer',
  ],
  'One that adds `Authorization` lines makes requests fail with 400; one that removes them, with 401.': [
    'contract/contract.ts: refuses two equal Authorization lines',
    'contract/contract.ts: answers a request without credentials with a challenge that has no error',
  ],
  'Only the check of DPoP proofs depends on scheme and host': [
    'contract/metadata-rows.ts: names the metadata if no credentials were sent, whatever Host says',
    'contract/dpop-rows.ts: uses the base URL, without the default port',
  ],
  '`X-Forwarded-*` is ignored, and `Forwarded` is never read': [
    'contract/dpop-rows.ts: ignores what a client says about scheme and host',
    'contract/mtls-rows.ts: believes no header about who sent the request',
  ],
  "`auth.token` isn't enumerable": ['unit/auth.test.ts: the token of an Auth › is not in …'],
  'Five seconds of difference are tolerated.': [
    'unit/verification/jwt.test.ts: header and claims › tolerates five seconds unless told otherwise',
  ],
  'bodies are parsed before authentication': [
    'adapters/fastify.test.ts: other places for the token › waits for the parsed body if the token may be in it',
  ],
  'Errors carry `Cache-Control: no-store`.': [
    'unit/answer/denial.test.ts: denialResponse › answers 401, and says the same in challenge and body',
    'contract/contract.ts: refuses a forgery: …',
  ],

  // Details that may surprise
  'of two members with one name in header or claims, the last counts': [
    'unit/verification/jwt.test.ts: header and claims › takes the last of repeated members, in header and claims alike',
  ],
  'The same bytes are verified and read, so no two checks can disagree.': [
    'unit/verification/jwt.test.ts: the signature › is valid for exactly this header and these claims',
  ],
  '**Odd scopes are dropped, not refused**': [
    "unit/token/scope.test.ts: parseScopes › drops what isn't a scope token from …: …",
    "contract/contract.ts: doesn't split scopes at commas",
  ],
  "**Claims that decide nothing don't refuse**": [
    'unit/token/claims.test.ts: types › takes a … of another type for none',
    'unit/token/claims.test.ts: types › takes null for an absent claim, save for a binding',
  ],
  '`"read,write"` is one scope': ["contract/contract.ts: doesn't split scopes at commas"],
  "A requirement that needs one of them isn't met then.": [
    "contract/step-up-rows.ts: takes a login time that isn't a number for none",
  ],
  '**`scope` as an array** grants nothing unless': [
    'contract/contract.ts: reads no scope from an array',
    'unit/options/options.test.ts: what an issuer inherits › allows an array of scopes only if the option names the claim',
  ],
  '**A 401 has no body** if no credentials were sent': [
    'contract/contract.ts: answers a request without credentials with a challenge that has no error',
  ],
  'Basic credentials count as none.': ['contract/contract.ts: treats Basic as no credentials'],
  '**The answer tells which check failed**': [
    'unit/answer/denial.test.ts: denialResponse › answers 401, and says the same in challenge and body',
    'unit/errors.test.ts: every error › has a fixed description in allowed characters: …',
  ],
  'It has no value in it': [
    'unit/secrecy.test.ts: what is left of a refused token › contains no part of it: …',
  ],
  '**A claim `status`** (Token Status List) is ignored': [
    'unit/verification/revocation.test.ts: isRevoked › may look at the claim status, which is ignored otherwise',
  ],
  '**Claims are frozen** in depth and have ordinary prototypes': [
    'unit/auth.test.ts: an Auth › is frozen in all its depth',
    'property/tokens.property.test.ts: any claims that the issuer signs › yield a decision, whatever else they say',
  ],
  'An ECDSA signature has a twin that verifies as well': [
    'unit/verification/jwt.test.ts: the signature › verifies in its malleated form too, which says the same',
  ],
  'are answered with 401 and the scope, not 403': [
    'contract/contract.ts: asks an anonymous caller for credentials, and names the scope of the route',
  ],
};
/** Sentences that say nothing of this package: advice, definitions, facts about others. A part of each. */
const NO_CLAIMS: readonly string[] = [
  'What this package protects you against, in which order it checks',
  '**Trusted**: the process and its configuration',
  '| an attacker | meets |',
  'The words are [reasons]',
  'An ID token tells a *client* who logged in.',
  'RFC 9068 tells the two apart',
  'Two cases to know',
  '**One registration for client and API.**',
  'Register the API separately',
  'Keycloak before version 25 puts one there',
  'A router matches the target as it was sent.',
  'Express takes that for a value of',
  'A proof only says that the client has the key.',
  "this package can't see whether it does",
  "the signature can't be verified before the issuer is known",
  'Compare it with what you know, exactly.',
  'A test such as',
  'An issuer on which anyone can register',
  'only as good as the connection',
  'Anyone on the path of such a connection',
  'TLS is what keeps them out.',
  '| what went wrong | lasts at most |',
  'Lower it if that matters more to you than an [outage]',
  '**Object-level authorization.**',
  'Check that this order belongs',
  'No package can do this for you.',
  '**Decide for every route.**',
  'Put a requirement on each route.',
  '**Tell callers apart.**',
  "With client credentials it's often the client itself",
  'Absent claims mean "nothing"',
  '**CORS.**',
  "It doesn't protect an API",
  'Preflight requests carry no credentials',
  '**TLS.**',
  'Serve the API over https only',
  'Node refuses header fields',
  "**Logs.** Don't log",
  "**Don't pass the token on.**",
  'For calls to other services',
  '**Clocks.**',
  '**Rate limits, body sizes, time limits of the server**',
  '**Long-lived connections.**',
  'End them at `auth.expiresAt`',
  "[WebSockets](websocket.md) end with their tokens if they're opened through a gate",
  "Your routes' answers are up to you",
  "**The text of a token doesn't identify it.**",
  'To remember or block tokens',
  'Next: [prove who may call what]',
];

describe('docs/security.md', async () => {
  const { text } = await readPage('docs/security.md');
  const page = text.replaceAll(/\s+/g, ' ');
  const parts = [...Object.keys(CLAIMS), ...NO_CLAIMS];

  it('says what the table here has it say', () => {
    expect(parts.filter((part) => !page.includes(part))).toEqual([]);
  });

  it('has a test for each of its claims', () => {
    const titles = new Set(titledTests.map(({ file, title }) => `${file}: ${title}`));
    const missing = Object.values(CLAIMS).flatMap((tests) => tests.filter((test) => !titles.has(test)));
    expect(missing).toEqual([]);
    expect(Object.entries(CLAIMS).filter(([, tests]) => tests.length === 0)).toEqual([]);
  });

  it('has no sentence that nobody has looked at', () => {
    const unseen = sentences(text).filter((sentence) => !parts.some((part) => sentence.includes(part)));
    expect(unseen).toEqual([]);
  });
});

/** The sentences of a page, and the rows of its tables, each on one line. */
function sentences(text: string): readonly string[] {
  return text
    .replaceAll(/^(?:#.*|\| ---.*|- \[[^\]]*\]\(#.*)$/gm, '')
    .split(/\n\n+|\n(?=\||- |\d+\. )/)
    .map((block) =>
      block
        .replace(/^\s*(?:- |\d+\. )/, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    )
    .flatMap((block) => (block.startsWith('|') ? [block] : block.split(/(?<=\.) (?=[A-Z"*[])/)))
    .filter((sentence) => sentence !== '');
}
