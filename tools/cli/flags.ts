import { isOptionError } from '../core.js';
import { FileError } from '../json-file.js';
import { UsageError } from './command.js';

/** Options whose flag has another name. */
const FLAGS: Readonly<Record<string, string>> = {
  algorithms: '--algorithm',
  clientIds: '--client-id',
  clientSecret: "the client's secret",
  clients: '--client',
  parameters: '--parameter',
  'introspection.algorithm': '--client-key', // the key's own
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
 * @param files the files that flags name, by flag
 * @throws {UsageError} what the check says about them, in terms of the command line
 * @throws {FileError} the same about what is in a file
 */
export function checkFlags<T>(check: () => T, files: Readonly<Record<string, string | undefined>> = {}): T {
  try {
    return check();
  } catch (error) {
    if (!isOptionError(error)) throw error;
    const { option, problem } = error;
    if (problem.startsWith('takes one of jwks'))
      throw new UsageError('give at most one of --jwks, --jwks-uri and --metadata-url');
    const flag = toFlag(option);
    const text = `${flag} ${inFlags(problem)}`;
    throw files[flag] === undefined ? new UsageError(text) : new FileError(`${files[flag]}: ${text}`);
  }
}

/** `issuer.jwksUri` → `--jwks-uri`, `keys.timeoutSeconds` → `--timeout`, `clients[0].scopes` → `--client`. */
function toFlag(option: string): string {
  const path = option.replace(/\[.*$/, '').replace(/^(?:issuer|keys)\./, '');
  const known = Object.keys(FLAGS).find((name) => `${path}.`.startsWith(`${name}.`));
  const kebab = path.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return FLAGS[known ?? ''] ?? `--${kebab.replace(/-seconds$/, '')}`;
}

/** A text about options, in terms of the command line. */
export function inFlags(text: string): string {
  return text
    .replaceAll(/allowInsecureRequests(?:: \["[^"]*"\])?/g, '--allow-insecure-requests')
    .replaceAll('tokenEndpoint', '--token-endpoint');
}
