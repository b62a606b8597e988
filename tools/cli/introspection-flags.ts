import type { JWK } from 'jose';
import type { IntrospectionEndpointOptions } from '../../src/index.js';
import { readJsonFile, readTextFile } from '../json-file.js';
import type { CommandLine } from './arguments.js';
import { type CommandContext, UsageError } from './command.js';
import { readSecret } from './token-from-issuer.js';

/** The command-line options that make up an issuer's option `introspection`. */
export const INTROSPECTION_FLAGS = {
  'introspection-client': { type: 'string' },
  'introspection-endpoint': { type: 'string' },
  'client-secret-env': { type: 'string' },
  'client-secret-stdin': { type: 'boolean' },
  'client-key': { type: 'string' },
  'authentication-method': { type: 'string' },
} as const;

type Values = CommandLine<typeof INTROSPECTION_FLAGS>['values'];

/** For `--help`. */
export const INTROSPECTION_HELP = `\
  --introspection-client <id>     the API's own identifier as a client of the issuer
  --client-secret-env <name>      the environment variable that has the client's secret
  --client-secret-stdin           read the secret from standard input
  --client-key <file>             the client's private key, as PEM or JWK, instead of a secret
  --introspection-endpoint <url>  where to ask, instead of the address in the metadata
  --authentication-method <name>  such as client_secret_post`;

/**
 * How this API authenticates when it asks the issuer about tokens; undefined if no flag says so.
 *
 * @throws {UsageError} a flag is missing or wrong
 * @throws {FileError} the file of the key can't be read
 */
export async function readIntrospection(
  values: Values,
  context: CommandContext,
): Promise<IntrospectionEndpointOptions | undefined> {
  const { 'introspection-client': clientId, 'introspection-endpoint': endpoint } = values;
  const { 'authentication-method': method, 'client-key': keyFile } = values;
  const { 'client-secret-env': variable, 'client-secret-stdin': fromStdin } = values;
  const given = [variable, fromStdin, keyFile].filter((flag) => flag !== undefined);
  if (clientId === undefined) {
    if (given.length === 0 && method === undefined) return undefined;
    throw new UsageError("--introspection-client is missing: the API's own identifier as a client");
  }
  if (given.length !== 1)
    throw new UsageError('give one of --client-secret-env, --client-secret-stdin and --client-key');
  const credential =
    keyFile === undefined
      ? { clientSecret: await readSecret(values, context) }
      : { privateKey: await readPrivateKey(keyFile) };
  return {
    clientId,
    ...credential,
    ...(endpoint === undefined ? {} : { endpoint }),
    // Checked with the other options.
    ...(method === undefined
      ? {}
      : {
          authenticationMethod: method as NonNullable<IntrospectionEndpointOptions['authenticationMethod']>,
        }),
  };
}

/** A JWK, or anything else as PEM. It's checked with the other options. */
async function readPrivateKey(file: string): Promise<JWK | string> {
  const text = await readTextFile(file);
  return /^\s*\{/.test(text) ? ((await readJsonFile(file)) as JWK) : text;
}
