import { FetchFailure, fetchJson, TimeLimitExceeded, withTimeLimit } from '../../core.js';
import { printable, quote, show } from '../printable.js';

/** How documents are fetched: with the verifier's own functions and limits. */
export interface ProbeOptions {
  readonly fetch: typeof globalThis.fetch;
  /** The time limit of one document. */
  readonly timeoutSeconds: number;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** What an answer says about itself. */
interface ProbedAnswer {
  readonly status: number;
  /** Field values; `null` if absent. */
  readonly contentType: string | null;
  readonly cacheControl: string | null;
  readonly location: string | null;
  readonly date: string | null;
  /** How long a cache has had the answer, in seconds. `Date` is that old (RFC 9111 §5.1). */
  readonly ageSeconds: number;
  /** Milliseconds since the epoch, by our clock. */
  readonly receivedAt: number;
}

/** One attempt to get a document. */
export interface Probe {
  readonly url: string;
  /** From the request to the end of the answer. */
  readonly milliseconds: number;
  /** Undefined if there was none. */
  readonly answer: ProbedAnswer | undefined;
  readonly json: Readonly<Record<string, unknown>> | undefined;
  /** From `Cache-Control`. */
  readonly maxAgeSeconds: number | undefined;
  /** Why there is no `json`. */
  readonly failure: FetchFailure | undefined;
}

/**
 * Fetches a document as the verifier does, and records the result. Rejects only if it's interrupted, or on a
 * bug.
 */
export async function probe(url: string, options: ProbeOptions): Promise<Probe> {
  const startedAt = performance.now();
  const seen: { answer?: ProbedAnswer } = {};
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await options.fetch(input, init);
    seen.answer = describeAnswer(response, options.clock());
    return response;
  };
  const ended = (outcome: Pick<Probe, 'json' | 'maxAgeSeconds' | 'failure'>): Probe => ({
    url,
    milliseconds: Math.round(performance.now() - startedAt),
    answer: seen.answer,
    ...outcome,
  });
  try {
    const { json, maxAgeSeconds } = await withTimeLimit(
      options.timeoutSeconds,
      (signal) => fetchJson(url, fetch, signal),
      options.signal,
    );
    return ended({ json, maxAgeSeconds, failure: undefined });
  } catch (error) {
    options.signal.throwIfAborted();
    const failure = error instanceof TimeLimitExceeded ? new FetchFailure('timeout', error.message) : error;
    if (!(failure instanceof FetchFailure)) throw failure;
    return ended({ json: undefined, maxAgeSeconds: undefined, failure });
  }
}

function describeAnswer({ status, headers }: Response, receivedAt: number): ProbedAnswer {
  const age = headers.get('age')?.trim() ?? '';
  return {
    status,
    contentType: headers.get('content-type'),
    cacheControl: headers.get('cache-control'),
    location: headers.get('location'),
    date: headers.get('date'),
    ageSeconds: /^\d{1,10}$/.test(age) ? Number(age) : 0,
    receivedAt,
  };
}

/** What went wrong when a document was fetched, and what to do about it. */
export interface FailedFetch {
  readonly what: string;
  readonly fix: string;
}

/** The name of a document, and advice if there's nothing at its place. */
const DOCUMENTS = {
  metadata: {
    name: 'metadata',
    missing:
      'Is the path of the issuer right, such as /realms/<name> or /oauth2/default? ' +
      'For metadata at another place there is metadataUrl (--metadata-url), for the keys alone jwksUri ' +
      '(--jwks-uri), and for an issuer with neither introspection.endpoint (--introspection-endpoint).',
    option: 'metadataUrl',
    flag: '--metadata-url',
  },
  jwks: {
    name: 'keys',
    missing: 'Correct "jwks_uri" in the metadata, or give the address of the keys: jwksUri (--jwks-uri).',
    option: 'jwksUri',
    flag: '--jwks-uri',
  },
  introspection: {
    name: 'introspection endpoint',
    missing:
      'Give the address of the introspection endpoint: introspection.endpoint (--introspection-endpoint).',
    option: 'introspection.endpoint',
    flag: '--introspection-endpoint',
  },
} as const;

/** What is requested at an address. */
type DocumentName = 'metadata' | 'jwks' | 'introspection';

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME/;

/** Network errors by their codes. */
const NETWORK: Readonly<Record<string, FailedFetch>> = {
  ECONNREFUSED: {
    what: 'nothing listens there (ECONNREFUSED)',
    fix: 'Does the issuer run, and is the port right?',
  },
  ENOTFOUND: {
    what: 'no such host (ENOTFOUND)',
    fix: 'Is the host spelled right, and does DNS know it from here?',
  },
  EAI_AGAIN: {
    what: 'the host could not be looked up (EAI_AGAIN)',
    fix: 'Is there a network, and does DNS answer?',
  },
  EHOSTUNREACH: {
    what: 'no way to the host (EHOSTUNREACH)',
    fix: 'Is a VPN or a route missing on this host?',
  },
  ENETUNREACH: {
    what: 'no way to the network (ENETUNREACH)',
    fix: 'Is there a network, and is a VPN missing?',
  },
};
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'the body broke off']);

/** Whether an answer is a page for people, as some servers send for every path. */
export function isWebPage({ contentType }: Pick<ProbedAnswer, 'contentType'>): boolean {
  return /html/i.test(contentType ?? '');
}

/** What's known about a failed request. */
type FailedProbe = Pick<Probe, 'url' | 'failure'> & {
  readonly answer: Pick<ProbedAnswer, 'status' | 'contentType' | 'location'> | undefined;
};

/** Describes why a probe has no document. */
export function describeFailure(
  probe: FailedProbe,
  document: DocumentName,
  timeoutSeconds: number,
): FailedFetch {
  const { failure, answer } = probe;
  const code = failure?.message ?? '';
  if (code === 'time-out')
    return {
      what: `${answer === undefined ? 'no answer' : 'the answer did not end'} within ${timeoutSeconds} s`,
      fix:
        'Is a firewall or a proxy in between? ' +
        'Give it more time with keys.timeoutSeconds, at most 60 (--timeout).',
    };
  if (code.startsWith('status ') || code === 'redirected') return describeStatus(probe, document);
  if (BROKEN.has(code))
    return {
      what: `the connection broke (${code})`,
      fix: 'Is a proxy in between, or does the port speak another protocol, https instead of http?',
    };
  if (CERTIFICATE.test(code))
    return {
      what: `its certificate is not trusted (${printable(code)})`,
      fix:
        'Correct the certificate. For a certificate authority of your own, start Node with ' +
        'NODE_EXTRA_CA_CERTS=<file>, or give a fetch that knows it.',
    };
  return NETWORK[code] ?? describeContent(probe, document);
}

function describeStatus({ url, answer }: FailedProbe, document: DocumentName): FailedFetch {
  const { status = 0, location = null } = answer ?? {};
  const { name, missing, option, flag } = DOCUMENTS[document];
  if (location !== null)
    return {
      what: `redirects (${status}) to ${show(location)}`,
      fix: describeRedirect(url, location, document),
    };
  if (status === 404 || status === 410) return { what: `nothing there (${status})`, fix: missing };
  if (status === 401 || status === 403)
    return {
      what: `access refused (${status})`,
      fix:
        `Make the ${name} public: resource servers ask without credentials. ` +
        `If they are elsewhere, give their address: ${option} (${flag}).`,
    };
  if (status >= 500)
    return {
      what: `the issuer has a fault (${status})`,
      fix: "Look at the issuer's log, or ask its operator.",
    };
  return { what: `answers with status ${status}`, fix: missing };
}

function describeRedirect(url: string, location: string, document: DocumentName): string {
  const { name, option, flag } = DOCUMENTS[document];
  const target = URL.canParse(location, url) ? new URL(location, url).href : location;
  const unfollowed = 'Redirects are not followed, because another address is not the configured party.';
  if (target === `${url}/` || url === `${target}/`)
    return `${unfollowed} This one only changes the slash at the end: ${option}: ${quote(target)} (${flag}).`;
  if (URL.canParse(target) && new URL(target).origin === new URL(url).origin)
    return `${unfollowed} If the ${name} are there, give that address: ${option} (${flag}).`;
  return `${unfollowed} Is the issuer there? Else publish the ${name} here.`;
}

/** The answer was 200, or the request failed without a code of its own. */
function describeContent({ failure, answer }: FailedProbe, document: DocumentName): FailedFetch {
  const code = printable(failure?.message ?? '');
  const { missing, name } = DOCUMENTS[document];
  if (answer === undefined)
    return { what: `cannot be reached (${code})`, fix: 'Look at address, network and proxy from this host.' };
  if (code === 'not JSON' && isWebPage(answer)) return { what: 'a web page, not JSON', fix: missing };
  if (code === 'larger than 1 MiB')
    return { what: code, fix: `Make the ${name} smaller: more than 1 MiB is not read.` };
  return { what: code, fix: `Make the issuer answer with a JSON object. ${missing}` };
}
