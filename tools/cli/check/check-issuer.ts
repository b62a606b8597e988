import {
  createResourceServer,
  type IntrospectionEndpointOptions,
  type ResourceServerOptions,
  UnavailableError,
  type UnavailableReason,
} from '../../../src/index.js';
import {
  describeUrlFault,
  hasPlaceholder,
  isIssuerIdentifier,
  issuerOfMetadata,
  withoutCredentials,
} from '../../core.js';
import { interruptible } from '../command.js';
import { describeDuration } from '../describe.js';
import { inFlags } from '../flags.js';
import { printable, show } from '../printable.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { askQuestion } from './introspection-findings.js';
import { type ExaminedKeys, examineKeySet, type KeyReport } from './key-findings.js';
import { type ExaminedMetadata, examineMetadata, type MetadataOptions } from './metadata-findings.js';
import { type Probe, probe } from './probe.js';

export interface CheckOptions extends Omit<MetadataOptions, 'isAsked'> {
  /** Instead of discovery. */
  readonly jwksUri: string | undefined;
  /** How to ask the issuer about tokens, with credentials. Undefined: it isn't asked. */
  readonly introspection: IntrospectionEndpointOptions | undefined;
}

/** What's known about an issuer after all checks. */
export interface CheckReport {
  /** Whether a resource server could load keys that verify tokens, and got an answer if it had to ask. */
  readonly usable: boolean;
  /** Why not; undefined if no resource server accepts such an issuer at all, or it refuses every key. */
  readonly reason: UnavailableReason | undefined;
  readonly findings: readonly Finding[];
  readonly keys: readonly KeyReport[];
  /** How tokens of the issuer can be verified. */
  readonly verifiedBy: { readonly keys: boolean; readonly introspection: boolean };
  /** The `"iss"` of access tokens and where their keys are, if that isn't the issuer itself (AD FS). */
  readonly accessTokens: { readonly issuer: string; readonly jwksUri: string } | undefined;
}

/** Stands for the API's own identifier, which doesn't matter here. */
export const PLACEHOLDER_AUDIENCE = 'https://your-api.example.com';

/**
 * Checks an issuer's metadata and keys as the verifier does, plus what the verifier doesn't need. The
 * verifier itself decides: at the end, a resource server loads the keys and, with credentials for it, asks
 * the issuer about a made-up token.
 */
export async function checkIssuer(options: CheckOptions): Promise<CheckReport> {
  const form = examineIssuerForm(options.issuer, options);
  if (form.status === 'failed')
    return {
      usable: false,
      reason: undefined,
      findings: [form],
      keys: [],
      verifiedBy: { keys: false, introspection: false },
      accessTokens: undefined,
    };
  const documents = await examineDocuments(options);
  const { jwksUri, introspectionEndpoint, accessTokenIssuer } = documents;
  const isAsked =
    options.introspection !== undefined || (jwksUri === undefined && introspectionEndpoint !== undefined);
  const loaded = await loadAsVerifier(options, isAsked, documents.findings);
  const { introspection, timeoutSeconds } = options;
  const answered =
    introspection === undefined || loaded.reason !== undefined
      ? undefined
      : await askQuestion({
          server: toServerOptions(options, isAsked),
          introspection,
          url: introspectionEndpoint ?? options.issuer,
          timeoutSeconds,
        });
  options.signal.throwIfAborted();
  const reason = loaded.reason ?? answered?.reason;
  const hasAnswer = reason === undefined && answered?.finding.status !== 'failed';
  const usable = hasAnswer && (isAsked || documents.verify);
  return {
    usable,
    reason,
    findings: [
      form,
      ...documents.findings,
      loaded.finding,
      ...(answered === undefined ? [] : [answered.finding]),
    ],
    keys: documents.keys,
    verifiedBy: {
      // JWTs can be verified even if an endpoint can't be found.
      keys: (loaded.reason === undefined || isAsked) && documents.verify,
      introspection: usable && isAsked,
    },
    accessTokens:
      accessTokenIssuer === undefined || jwksUri === undefined
        ? undefined
        : { issuer: accessTokenIssuer, jwksUri },
  };
}

/** Credentials for a resource server that only looks up the endpoint and never asks. */
const NO_CREDENTIALS: IntrospectionEndpointOptions = { clientId: 'check', accessToken: () => '' };

/**
 * The options of a resource server for this issuer.
 *
 * @param isAsked whether the issuer is asked about tokens. Credentials are needed only once that happens
 */
export function toServerOptions(options: CheckOptions, isAsked: boolean): ResourceServerOptions {
  const { issuer, jwksUri, metadataUrl, introspectionEndpoint, introspection = NO_CREDENTIALS } = options;
  const { allowInsecureRequests, timeoutSeconds, signal, clock } = options;
  const endpoint = introspectionEndpoint === undefined ? {} : { endpoint: introspectionEndpoint };
  return {
    issuer: {
      issuer,
      ...(jwksUri === undefined ? {} : { jwksUri }),
      ...(metadataUrl === undefined ? {} : { metadataUrl }),
      ...(isAsked ? { introspection: { ...introspection, ...endpoint, timeoutSeconds } } : {}),
    },
    audience: PLACEHOLDER_AUDIENCE,
    allowInsecureRequests,
    keys: { timeoutSeconds },
    fetch: interruptible(options.fetch, signal),
    clock,
  };
}

/** What an issuer's documents say, and where to ask it about tokens. */
type ExaminedDocuments = ExaminedKeys &
  Pick<ExaminedMetadata, 'jwksUri' | 'introspectionEndpoint' | 'accessTokenIssuer'>;

async function examineDocuments(options: CheckOptions): Promise<ExaminedDocuments> {
  const { introspection, introspectionEndpoint } = options;
  const findings: Finding[] = [];
  const probes = [];
  const isEndpointWanted =
    introspection !== undefined &&
    introspectionEndpoint === undefined &&
    isIssuerIdentifier(options.issuer, options.allowInsecureRequests);
  const metadata =
    options.jwksUri === undefined || isEndpointWanted
      ? await examineMetadata({ ...options, isAsked: introspection !== undefined })
      : undefined;
  findings.push(...(metadata?.findings ?? []));
  probes.push(...(metadata?.probes ?? []));
  const jwksUri = options.jwksUri ?? metadata?.jwksUri;
  let keys: readonly KeyReport[] = [];
  let verify = false;
  if (jwksUri !== undefined) {
    const probed = await probe(jwksUri, options);
    const examined = examineKeySet(probed, options.timeoutSeconds);
    findings.push(...examined.findings);
    probes.push(probed);
    ({ keys, verify } = examined);
  }
  const clock = examineClock(probes);
  return {
    findings: clock === undefined ? findings : [...findings, clock],
    keys,
    verify,
    jwksUri,
    introspectionEndpoint: metadata?.introspectionEndpoint ?? introspectionEndpoint,
    accessTokenIssuer: metadata?.accessTokenIssuer,
  };
}

async function loadAsVerifier(
  options: CheckOptions,
  isAsked: boolean,
  before: readonly Finding[],
): Promise<{ readonly reason: UnavailableReason | undefined; readonly finding: Finding }> {
  const server = createResourceServer(toServerOptions(options, isAsked));
  const startedAt = performance.now();
  const time = () => `${Math.round(performance.now() - startedAt)} ms`;
  const what = isAsked ? 'is ready to ask the issuer about opaque tokens' : 'loads the keys';
  try {
    await server.ready();
    return { reason: undefined, finding: ok('verifier', `a resource server ${what}, ${time()}`) };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    const { reason, cause } = error;
    const doesNot = isAsked ? 'cannot ask the issuer about opaque tokens' : 'cannot load the keys';
    if (before.some(({ status }) => status === 'failed')) {
      const message = `a resource server ${doesNot}: ${reason}, ${time()}`;
      return { reason, finding: failure('verifier', message, 'Start with the first ✗ above.') };
    }
    const why = cause instanceof Error ? printable(cause.message) : 'no answer';
    const message = `a resource server ${doesNot}: ${reason}, ${why}, ${time()}`;
    const fix =
      why === 'time-out'
        ? `Metadata and keys together may take ${options.timeoutSeconds} s. ` +
          'Give them more time with keys.timeoutSeconds, at most 60 (--timeout).'
        : 'Each step above was fine a moment ago: try again, and look at the log of the issuer.';
    return { reason, finding: failure('verifier', message, fix) };
  } finally {
    server.close();
  }
}

/** Step `issuer`: whether a resource server accepts it as an issuer identifier (RFC 8414 §2). */
export function examineIssuerForm(
  issuer: string,
  { jwksUri, allowInsecureRequests }: Pick<CheckOptions, 'jwksUri' | 'allowInsecureRequests'>,
): Finding {
  const shown = show(withoutCredentials(issuer));
  const identifier = issuerOfMetadata(issuer);
  if (identifier !== undefined)
    return failure(
      'issuer',
      `${shown} is the address of its metadata`,
      `Give the issuer itself, most likely ${show(identifier)}.`,
    );
  if (hasPlaceholder(issuer))
    return failure('issuer', `${shown} has a placeholder in it`, 'Put in the name that it stands for.');
  if (isIssuerIdentifier(issuer, allowInsecureRequests)) return ok('issuer', show(issuer));
  // If nothing is fetched from it, any name will do (AD FS: http://…/adfs/services/trust).
  if (jwksUri !== undefined && issuer !== '') return ok('issuer', shown);
  const [what, fix] = describeUrlFault(issuer, true);
  const advice = inFlags(fix.replace(/^./, (letter) => letter.toUpperCase()));
  return failure('issuer', `${shown} ${what}`, /[.?]$/.test(advice) ? advice : `${advice}.`);
}

/** The default of `clockToleranceSeconds`. */
const TOLERANCE_SECONDS = 5;
/** `Date` has whole seconds, so on average it's this much behind. */
const HALF_A_SECOND_MS = 500;

/** Step `clock`: the issuer's clock, from the `Date` of its last answer; undefined without an answer. */
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
    'Set both clocks by NTP. If a difference remains, raise clockToleranceSeconds, at most 300.',
  );
}
