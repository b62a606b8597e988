import {
  type ClientCredentials,
  type ClientCredentialsOptions,
  createClientCredentials,
  isTokenRequestError,
} from '../../src/client/index.js';
import { readSecret, type SecretFlags } from './client-secret.js';
import { type CommandContext, UsageError } from './command.js';
import { printable } from './printable.js';
import { type MintedToken, scopeOf } from './token-from-keys.js';

/** The flags of `token` without `--keys`. */
export interface IssuerFlags extends SecretFlags {
  readonly issuer?: string;
  readonly 'client-id'?: string;
  readonly scope?: readonly string[];
  readonly resource?: string;
  readonly audience?: readonly string[];
}

/** The authorization server gave no token. The message has no secret in it. */
export class NoTokenError extends Error {
  override readonly name: string = 'NoTokenError';
}

/**
 * Gets a token by client credentials, once.
 *
 * @throws {UsageError} a flag is missing or wrong
 * @throws {NoTokenError} the authorization server refuses, or is out of reach
 */
export async function requestToken(flags: IssuerFlags, context: CommandContext): Promise<MintedToken> {
  const { issuer, 'client-id': clientId, resource, audience: [audience, ...others] = [] } = flags;
  if (issuer === undefined || clientId === undefined)
    throw new UsageError('token needs --issuer and --client-id, or --keys');
  if (others.length > 0) throw new UsageError('several --audience are for tokens from --keys');
  const scope = scopeOf(flags.scope);
  const client = createClient({
    issuer,
    clientId,
    clientSecret: await readSecret(flags, context),
    ...(scope.length === 0 ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
    ...(audience === undefined ? {} : { audience }),
    fetch: context.fetch,
    clock: context.clock,
  });
  const granted = await getToken(client, context.signal);
  const missing = scope.filter((name) => !granted.scope.includes(name));
  if (missing.length > 0) context.printError(`warning: not granted: ${printable(missing.join(' '))}`);
  return granted;
}

async function getToken(client: ClientCredentials, signal: AbortSignal): Promise<MintedToken> {
  try {
    const { accessToken, expiresAt, scope } = await client.getToken({ signal });
    return { accessToken, expiresAt, scope };
  } catch (error) {
    if (!isTokenRequestError(error)) throw error;
    const { message, detail, description } = error;
    throw new NoTokenError([message, detail, description].filter(Boolean).join(': '));
  } finally {
    client.close();
  }
}

/** The client checks its options; here they are flags. */
function createClient(options: ClientCredentialsOptions): ClientCredentials {
  try {
    return createClientCredentials(options);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message.replace(/^option "(\w+)"/, flagOf));
    throw error;
  }
}

/** `option "clientId"` → `--client-id`. */
function flagOf(_match: string, name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
