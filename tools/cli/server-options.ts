import type { ResourceServerOptions } from '../../src/options/options.js';
import { resolveOptions } from '../../src/options/resolve.js';
import { UsageError } from './command.js';

/** Which option of the command line an option of the resource server comes from. */
const FLAGS: Readonly<Record<string, string>> = {
  issuer: '--issuer',
  'issuer.issuer': '--issuer',
  audience: '--audience',
  algorithms: '--algorithm',
  tokenType: '--token-type',
  clockToleranceSeconds: '--clock-tolerance',
  'keys.timeoutSeconds': '--timeout',
  'issuer.jwksUri': '--jwks-uri',
  'issuer.jwks': '--jwks',
  'issuer.metadataUrl': '--metadata-url',
  'issuer.clientIds': '--client-id',
  'issuer.scopeClaim': '--scope-claim',
  'issuer.clientIdClaim': '--client-id-claim',
};

/**
 * Checks options that come from the command line, before anything is done with them.
 *
 * @throws {UsageError} what the resource server says about them, in the words of the command line
 */
export function checkServerOptions(options: ResourceServerOptions): void {
  try {
    for (const { keySet } of resolveOptions(options).issuers.values()) keySet.close();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(inFlags(error.message));
    throw error;
  }
}

function inFlags(message: string): string {
  if (/takes one of jwks/.test(message)) return 'give one of --jwks, --jwks-uri and --metadata-url at most';
  return message
    .replace(/^option "([^"]+)"/, (whole, name: string) => FLAGS[name] ?? whole)
    .replace('allowInsecureRequests', '--allow-insecure-requests');
}

/** `fetch` for the resource server of a command, which ends with the command. */
export function interruptible(fetch: typeof globalThis.fetch, signal: AbortSignal): typeof globalThis.fetch {
  return (input, init) => {
    const signals = [signal, init?.signal].filter((one) => one instanceof AbortSignal);
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
}
