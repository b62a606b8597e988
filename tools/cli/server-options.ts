import type { ResourceServerOptions } from '../../src/index.js';
import { checkOptions, isOptionError } from '../core.js';
import { UsageError } from './command.js';

/** Which command-line option each resource server option comes from. */
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
  'issuer.introspection.clientId': '--introspection-client',
  'issuer.introspection.endpoint': '--introspection-endpoint',
  'issuer.introspection.privateKey': '--client-key',
  'issuer.introspection.authenticationMethod': '--authentication-method',
  'issuer.introspection.mayBeAbsent': '--may-be-absent',
};

/**
 * Checks options from the command line before anything is done with them.
 *
 * @throws {UsageError} what the resource server says about them, in terms of the command line
 */
export function checkServerOptions(options: ResourceServerOptions): void {
  try {
    checkOptions(options);
  } catch (error) {
    if (!isOptionError(error)) throw error;
    const { option, problem, message } = error;
    if (problem.startsWith('takes one of jwks'))
      throw new UsageError('give at most one of --jwks, --jwks-uri and --metadata-url');
    const flag = FLAGS[option];
    const text = flag === undefined ? message : `${flag} ${problem}`;
    throw new UsageError(inFlags(text));
  }
}

/** The message about a wrong option, in terms of the command line. */
export function inFlags(text: string): string {
  return text.replaceAll(/allowInsecureRequests(?:: \["[^"]*"\])?/g, '--allow-insecure-requests');
}

/** A `fetch` that ends with the command. */
export function interruptible(fetch: typeof globalThis.fetch, signal: AbortSignal): typeof globalThis.fetch {
  return (input, init) => {
    const signals = [signal, init?.signal].filter((one) => one instanceof AbortSignal);
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
}
