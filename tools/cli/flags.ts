import { isOptionError } from '../core.js';
import { UsageError } from './command.js';

/** Options that aren't called as their flag is. */
const FLAGS: Readonly<Record<string, string>> = {
  algorithms: '--algorithm',
  clientIds: '--client-id',
  clientSecret: "the client's secret",
  clients: '--client',
  parameters: '--parameter',
  'introspection.authenticationMethod': '--authentication-method',
  'introspection.clientId': '--introspection-client',
  'introspection.clientSecret': "the client's secret",
  'introspection.mayBeAbsent': '--may-be-absent',
  'introspection.privateKey': '--client-key',
  'introspection.timeoutSeconds': '--timeout',
  'tls.mtlsPort': '--mtls-port',
};

/**
 * Checks options that come from flags before anything is done with them.
 *
 * @throws {UsageError} what the check says about them, in terms of the command line
 */
export function checkFlags<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!isOptionError(error)) throw error;
    const { option, problem } = error;
    if (problem.startsWith('takes one of jwks'))
      throw new UsageError('give at most one of --jwks, --jwks-uri and --metadata-url');
    throw new UsageError(`${toFlag(option)} ${inFlags(problem)}`);
  }
}

/** `issuer.jwksUri` → `--jwks-uri`, `keys.timeoutSeconds` → `--timeout`, `clients[0].scopes` → `--client`. */
function toFlag(option: string): string {
  const path = option.replace(/\[.*$/, '').replace(/^(?:issuer|keys)\./, '');
  const kebab = path.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return FLAGS[path] ?? FLAGS[path.replace(/\..*$/, '')] ?? `--${kebab.replace(/-seconds$/, '')}`;
}

/** A text about options, in terms of the command line. */
export function inFlags(text: string): string {
  return text
    .replaceAll(/allowInsecureRequests(?:: \["[^"]*"\])?/g, '--allow-insecure-requests')
    .replaceAll('tokenEndpoint', '--token-endpoint');
}
