import { printable, show } from '../printable.js';
import type { Probe } from './probe.js';

/** What went wrong on the way to a document, and what to do about it. */
export interface FailedFetch {
  readonly what: string;
  readonly fix: string;
}

/** What a document is called, and what helps when nobody has it at its place. */
const DOCUMENTS = {
  metadata: {
    name: 'metadata',
    missing:
      'Is the path of the issuer right, such as /realms/<name> or /oauth2/default? For metadata at another place there is metadataUrl (--metadata-url), and for the keys alone jwksUri (--jwks-uri).',
  },
  jwks: {
    name: 'keys',
    missing: 'Correct "jwks_uri" in the metadata, or give the address of the keys: jwksUri (--jwks-uri).',
  },
} as const;

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME/;

/** Errors of the network by their codes. */
const NETWORK: Readonly<Record<string, FailedFetch>> = {
  ECONNREFUSED: {
    what: 'nothing listens there (ECONNREFUSED)',
    fix: 'Does the issuer run, and is the port right?',
  },
  ENOTFOUND: {
    what: 'no such host (ENOTFOUND)',
    fix: 'Is the host spelt right, and does DNS know it from here?',
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

/** Describes why a probe has no document. */
export function describeFailure(
  probe: Probe,
  document: 'metadata' | 'jwks',
  timeoutSeconds: number,
): FailedFetch {
  const { failure, answer } = probe;
  const code = failure?.message ?? '';
  if (code === 'time-out') return describeTimeOut(answer !== undefined, timeoutSeconds);
  if (code.startsWith('status ') || code === 'redirected') return describeStatus(probe, document);
  if (BROKEN.has(code))
    return {
      what: `the connection broke (${code})`,
      fix: 'Is a proxy in between, or does the port speak another protocol, https instead of http?',
    };
  if (CERTIFICATE.test(code))
    return {
      what: `its certificate is not trusted (${printable(code)})`,
      fix: 'Correct the certificate. For a certificate authority of your own, start Node with NODE_EXTRA_CA_CERTS=<file>, or give a fetch that knows it.',
    };
  return NETWORK[code] ?? describeContent(probe, document);
}

function describeTimeOut(hasBegun: boolean, timeoutSeconds: number): FailedFetch {
  return {
    what: hasBegun
      ? `the answer did not end within ${timeoutSeconds} s`
      : `no answer within ${timeoutSeconds} s`,
    fix: 'Is a firewall or a proxy in between? Give it more time with keys.timeoutSeconds, at most 60 (--timeout).',
  };
}

function describeStatus({ answer }: Probe, document: 'metadata' | 'jwks'): FailedFetch {
  const { status = 0, location = null } = answer ?? {};
  const { name, missing } = DOCUMENTS[document];
  if (location !== null)
    return {
      what: `redirects (${status}) to ${show(location)}`,
      fix: `Redirects are not followed, because whoever answers elsewhere is not the configured party. Is the issuer there? Else publish the ${name} here.`,
    };
  if (status === 404 || status === 410) return { what: `nothing there (${status})`, fix: missing };
  if (status === 401 || status === 403)
    return {
      what: `access refused (${status})`,
      fix: `Make the ${name} public: they hold no secrets, and resource servers ask without credentials.`,
    };
  if (status >= 500)
    return {
      what: `the issuer has a fault (${status})`,
      fix: "Look at the issuer's log, or ask who runs it.",
    };
  return { what: `answers with status ${status}`, fix: missing };
}

/** It was answered with 200, or failed in a way that has no code of its own. */
function describeContent({ failure, answer }: Probe, document: 'metadata' | 'jwks'): FailedFetch {
  const code = printable(failure?.message ?? '');
  const { missing, name } = DOCUMENTS[document];
  if (answer === undefined)
    return { what: `out of reach (${code})`, fix: 'Look at address, network and proxy from this host.' };
  if (code === 'not JSON' && /html/i.test(answer.contentType ?? ''))
    return { what: 'a web page and no JSON', fix: missing };
  if (code === 'larger than 1 MiB')
    return { what: code, fix: `Make the ${name} smaller: more than 1 MiB is not read.` };
  return { what: code, fix: `Make the issuer answer with a JSON object. ${missing}` };
}
