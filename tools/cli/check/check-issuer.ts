import { UnavailableError } from '../../../src/errors.js';
import type { ResourceServerOptions } from '../../../src/options/options.js';
import type { UnavailableReason } from '../../../src/reasons.js';
import { createResourceServer } from '../../../src/resource-server.js';
import { interruptible } from '../server-options.js';
import { examineClock } from './clock-finding.js';
import { type Finding, failure, ok } from './finding.js';
import { examineIssuerForm } from './issuer-form.js';
import { examineKeySet, type KeyReport } from './key-findings.js';
import { examineMetadata, type MetadataOptions } from './metadata-findings.js';
import { probe } from './probe.js';

export interface CheckOptions extends MetadataOptions {
  /** In place of discovery. */
  readonly jwksUri: string | undefined;
}

/** What is known of an issuer after a look at all of it. */
export interface CheckReport {
  /** Whether a resource server could load keys. */
  readonly usable: boolean;
  /** Why not; undefined where no resource server takes such an issuer at all. */
  readonly reason: UnavailableReason | undefined;
  readonly findings: readonly Finding[];
  readonly keys: readonly KeyReport[];
}

/** Stands for the API's own identifier, which nothing here depends on. */
export const PLACEHOLDER_AUDIENCE = 'https://your-api.example.com';

/**
 * Looks at an issuer's metadata and keys as the verifier does, and at what the verifier has no need of. The verifier itself has the last word: a resource server
 * loads the keys at the end.
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
    jwksUri = examined.metadata?.jwksUri;
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
