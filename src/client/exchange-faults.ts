import type { TokenRequestReason } from './errors.js';

/** What the codes of a refusal are about (RFC 8693 §2.2.2, OpenID Connect Core §3.1.2.6). */
const FAULTS: ReadonlyMap<unknown, TokenRequestReason> = new Map([
  ['invalid_grant', 'subject_refused'],
  ['invalid_request', 'subject_refused'],
  ['invalid_token', 'subject_refused'],
  ['access_denied', 'delegation_refused'],
  ['invalid_scope', 'delegation_refused'],
  ['invalid_target', 'delegation_refused'],
  ['consent_required', 'delegation_refused'],
  ['interaction_required', 'delegation_refused'],
  ['login_required', 'delegation_refused'],
]);

// Of descriptions in lower case, with a space for everything that isn't a letter or digit.
const ACTOR = /\bactor(?: ?token)?s?\b/;
/** How this client asks, and what the server lets it do. */
const REQUEST = phrases([
  'grant ?types?',
  'token ?types?',
  'not enabled',
  '(?:un)?supported',
  'supports?',
  '(?:client|exchange)(?: is)? (?:disabled|not (?:allowed|authorized|permitted))',
  'requested (?:audiences?|resources?|scopes?|targets?)',
]);
/** What this client asks for or proves, and how, unless it's about the caller's token. */
const ASKED_FOR = phrases([
  'client (?:id|secret|assertion|credentials?|authentication)',
  'content type',
  'duplicated?',
  'https (?:is )?required',
  'too many requests',
  'audiences?',
  'resources?(?! owner)',
  'scopes?',
  'targets?',
  'dpop',
  'certificate',
]);
const SUBJECT_TOKEN = phrases([
  'subject ?token',
  '(?:bad|expired|inactive|invalid|revoked) (?:\\w+ )?token',
  '(?:token|jwt|assertion) (?:s )?(?:audiences?|scopes?|is|was|has|does|lacks|contains|with)',
  '(?:audiences?|scopes?|client id) (?:claim|(?:of|in) (?:the |this )?(?:\\w+ )?(?:token|jwt|assertion))',
]);

function phrases(parts: readonly string[]): RegExp {
  return new RegExp(`\\b(?:${parts.join('|')})\\b`);
}

/** Tells whether a token exchange was refused because of the caller or because of this client. */
export function findFault(code: string | undefined, description: string): TokenRequestReason {
  const words = description.toLowerCase().replaceAll(/[^a-z0-9]+/g, ' ');
  const fault = FAULTS.get(code) ?? 'refused';
  // Servers use the same codes if it's the actor's token that is bad (RFC 8693 §2.2.2).
  const isAboutActor = fault === 'subject_refused' && ACTOR.test(words);
  // RFC 8693 has this one code for whatever is wrong with a request.
  const isAboutRequest =
    code === 'invalid_request' &&
    (REQUEST.test(words) || (ASKED_FOR.test(words) && !SUBJECT_TOKEN.test(words)));
  return isAboutActor || isAboutRequest ? 'refused' : fault;
}
