import {
  createResourceServer,
  type ResourceServerOptions,
  UnavailableError,
  type UnavailableReason,
} from '../../../src/index.js';
import { isIssuerIdentifier } from '../../core.js';
import { describeDuration } from '../describe.js';
import { show } from '../printable.js';
import { interruptible } from '../server-options.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { examineKeySet, type KeyReport } from './key-findings.js';
import { examineMetadata, type MetadataOptions } from './metadata-findings.js';
import { type Probe, probe } from './probe.js';

export interface CheckOptions extends MetadataOptions {
  /** In place of discovery. */
  readonly jwksUri: string | undefined;
}

/** What is known of an issuer after a look at all of it. */
export interface CheckReport {
  /** Whether a resource server could load keys. */
  readonly usable: boolean;
  /** Why not; undefined if no resource server takes such an issuer at all. */
  readonly reason: UnavailableReason | undefined;
  readonly findings: readonly Finding[];
  readonly keys: readonly KeyReport[];
}

/** In place of the API's own identifier, which doesn't matter here. */
export const PLACEHOLDER_AUDIENCE = 'https://your-api.example.com';

/**
 * Looks at an issuer's metadata and keys as the verifier does, and at what the verifier doesn't need. The
 * verifier itself has the last word: a resource server loads the keys at the end.
 */
export async function checkIssuer(options: CheckOptions): Promise<CheckReport> {
  const form = examineIssuerForm(options.issuer, options.allowInsecureRequests);
  if (form.status === 'failed') return { usable: false, reason: undefined, findings: [form], keys: [] };
  const documents = await examineDocuments(options);
  const { reason, finding } = await loadAsVerifier(options);
  options.signal.throwIfAborted();
  const findings = [form, ...documents.findings, finding];
  return { usable: reason === undefined, reason, findings, keys: documents.keys };
}

/** The options of a resource server for this issuer. */
export function toServerOptions(options: CheckOptions): ResourceServerOptions {
  const { issuer, jwksUri, metadataUrl, allowInsecureRequests, timeoutSeconds, signal, clock } = options;
  return {
    issuer: {
      issuer,
      ...(jwksUri === undefined ? {} : { jwksUri }),
      ...(metadataUrl === undefined ? {} : { metadataUrl }),
    },
    audience: PLACEHOLDER_AUDIENCE,
    allowInsecureRequests,
    keys: { timeoutSeconds },
    fetch: interruptible(options.fetch, signal),
    clock,
  };
}

async function examineDocuments(options: CheckOptions): Promise<Pick<CheckReport, 'findings' | 'keys'>> {
  const findings: Finding[] = [];
  const probes = [];
  let { jwksUri } = options;
  if (jwksUri === undefined) {
    const examined = await examineMetadata(options);
    findings.push(...examined.findings);
    probes.push(...examined.probes);
    jwksUri = examined.jwksUri;
  }
  let keys: readonly KeyReport[] = [];
  if (jwksUri !== undefined) {
    const probed = await probe(jwksUri, options);
    const examined = await examineKeySet(probed, options.timeoutSeconds);
    findings.push(...examined.findings);
    probes.push(probed);
    keys = examined.keys;
  }
  const clock = examineClock(probes);
  return { findings: clock === undefined ? findings : [...findings, clock], keys };
}

async function loadAsVerifier(
  options: CheckOptions,
): Promise<{ readonly reason: UnavailableReason | undefined; readonly finding: Finding }> {
  const server = createResourceServer(toServerOptions(options));
  const startedAt = performance.now();
  const time = () => `${Math.round(performance.now() - startedAt)} ms`;
  try {
    await server.ready();
    return { reason: undefined, finding: ok('verifier', `a resource server loads the keys, ${time()}`) };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    const { reason } = error;
    const message = `a resource server cannot load the keys: ${reason}, ${time()}`;
    return { reason, finding: failure('verifier', message, 'Begin with the first ✗ above.') };
  } finally {
    server.close();
  }
}

const WELL_KNOWN = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)/;

/** Step `issuer`: whether it can be an issuer identifier at all (RFC 8414 §2). */
export function examineIssuerForm(issuer: string, allowInsecureRequests: boolean): Finding {
  if (WELL_KNOWN.test(issuer)) {
    const identifier = withoutUserInfo(issuer)
      .replace(WELL_KNOWN, '')
      .replace(/[?#].*$/s, '');
    return failure(
      'issuer',
      `${show(withoutUserInfo(issuer))} is the address of its metadata`,
      `Give the issuer itself, most likely ${show(identifier)}.`,
    );
  }
  if (isIssuerIdentifier(issuer, allowInsecureRequests)) return ok('issuer', show(issuer));
  const [what, fix] = describeForm(issuer);
  return failure('issuer', `${show(withoutUserInfo(issuer))} ${what}`, fix);
}

/** An issuer identifier as it was given, without a password in it. */
export function withoutUserInfo(issuer: string): string {
  return issuer.replace(/\/\/[^/?#]*@/, '//[…]@');
}

function describeForm(issuer: string): readonly [what: string, fix: string] {
  if (issuer.includes('?'))
    return ['has a query, which no issuer has (RFC 8414 §2)', 'Leave out "?" and what is behind it.'];
  if (issuer.includes('#'))
    return ['has a fragment, which no issuer has (RFC 8414 §2)', 'Leave out "#" and what is behind it.'];
  if (!URL.canParse(issuer) || !/^https?:\/\//i.test(issuer))
    return [
      'is no absolute URL',
      'Give it as tokens write it in "iss": https:// and a host, such as https://auth.example.com.',
    ];
  const { protocol, username, password } = new URL(issuer);
  if (username !== '' || password !== '')
    return ['has a user name or password in it', 'Leave them out: an issuer is public.'];
  if (protocol === 'http:')
    return [
      'is plain http',
      'Use https. For a host that you reach on a private network only, there is allowInsecureRequests ' +
        '(--allow-insecure-requests): whoever is on the way chooses the keys.',
    ];
  return ['has characters that no URL has', 'Write it as tokens do in "iss": no spaces and backslashes.'];
}

/** The default of `clockToleranceSeconds`. */
const TOLERANCE_SECONDS = 5;
/** `Date` has whole seconds: on average it's that much behind. */
const HALF_A_SECOND_MS = 500;

/** Step `clock`: the issuer's clock by the `Date` of its last answer; undefined without an answer. */
function examineClock(probes: readonly Probe[]): Finding | undefined {
  const answer = probes.map((probed) => probed.answer).findLast((one) => one !== undefined);
  if (answer === undefined) return undefined;
  const sentAt = Date.parse(answer.date ?? '');
  if (Number.isNaN(sentAt)) return info('clock', 'the answers have no Date to compare the clocks by');
  const ahead = (answer.receivedAt - sentAt - HALF_A_SECOND_MS) / 1000 - answer.ageSeconds;
  if (Math.abs(ahead) <= TOLERANCE_SECONDS)
    return ok('clock', `the clocks here and there agree to ${TOLERANCE_SECONDS} s`);
  const consequence =
    ahead > 0
      ? 'tokens expire too early here, and short-lived ones are refused at once'
      : 'new tokens are refused here with issued_in_future';
  const difference = `${describeDuration(Math.round(Math.abs(ahead)))} ${ahead > 0 ? 'ahead of' : 'behind'}`;
  return warning(
    'clock',
    `this clock is ${difference} the issuer's: ${consequence}`,
    'Set both clocks by NTP. For a difference that stays there is clockToleranceSeconds, at most 300.',
  );
}
