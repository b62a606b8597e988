import {
  type AuthenticationMethod,
  createClientCredentials,
  isTokenRequestError,
  type TokenRequestError,
} from '../../src/client/index.js';
import { programLine } from '../shell.js';
import { readNumber, readPairs, readScopes } from './arguments.js';
import { type CommandContext, CommandError, UsageError } from './command.js';
import { checkFlags } from './flags.js';
import { printable } from './printable.js';
import { readStdin } from './read-stdin.js';
import type { MintedToken } from './token-from-keys.js';

/** The flags of `token` without `--keys`. */
export interface IssuerFlags extends SecretFlags {
  readonly issuer?: string;
  readonly 'metadata-url'?: string;
  readonly 'token-endpoint'?: string;
  readonly 'client-id'?: string;
  readonly 'authentication-method'?: string;
  readonly scope?: readonly string[];
  readonly resource?: string;
  readonly audience?: readonly string[];
  readonly parameter?: readonly string[];
  readonly timeout?: string;
  readonly 'allow-insecure-requests'?: boolean;
}

/**
 * Gets a token with client credentials, once.
 *
 * @throws {UsageError} a flag is missing or wrong
 * @throws {CommandError} the authorization server refuses, or can't be reached
 */
export async function requestToken(flags: IssuerFlags, context: CommandContext): Promise<MintedToken> {
  const { issuer, 'token-endpoint': tokenEndpoint, 'metadata-url': metadataUrl } = flags;
  const { 'client-id': clientId, resource, audience: [audience, ...others] = [] } = flags;
  if ((issuer ?? tokenEndpoint) === undefined || clientId === undefined)
    throw new UsageError(
      'token needs --issuer and --client-id, or --keys; --token-endpoint can replace --issuer',
    );
  if (others.length > 0) throw new UsageError('several --audience are for tokens from --keys');
  const scope = readScopes(flags.scope);
  const parameters = Object.fromEntries(readPairs(flags.parameter, 'parameter'));
  const timeoutSeconds = readNumber(flags.timeout, 'timeout');
  // The client refuses a method that it doesn't know.
  const method = flags['authentication-method'] as AuthenticationMethod | undefined;
  let url = '';
  const fetch: typeof globalThis.fetch = (input, init) => {
    url = String(input);
    return context.fetch(input, init);
  };
  const options = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(tokenEndpoint === undefined ? {} : { tokenEndpoint }),
    ...(metadataUrl === undefined ? {} : { metadataUrl }),
    ...(method === undefined ? {} : { authenticationMethod: method }),
    parameters,
    allowInsecureRequests: flags['allow-insecure-requests'] ?? false,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    clientId,
    clientSecret: await readSecret(flags, context),
    ...(scope.length === 0 ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
    ...(audience === undefined ? {} : { audience }),
    fetch,
    clock: context.clock,
  };
  const client = checkFlags(() => createClientCredentials(options));
  try {
    const { accessToken, expiresAt, scope: granted } = await client.getToken({ signal: context.signal });
    const missing = scope.filter((name) => !granted.includes(name));
    if (missing.length > 0) context.printError(`warning: not granted: ${printable(missing.join(' '))}`);
    return { accessToken, expiresAt, scope: granted };
  } catch (error) {
    throw isTokenRequestError(error) ? new CommandError(describeFailure(error, url, flags)) : error;
  } finally {
    client.close();
  }
}

/** Where it was asked, and how to find out more, unless the authorization server itself says why. */
function describeFailure(error: TokenRequestError, url: string, flags: IssuerFlags): string {
  const { reason, message, detail, description, hint } = error;
  const said = (...texts: (string | undefined)[]) => texts.filter(Boolean).join(': ');
  if (reason === 'refused') return said(message, detail, description, hint);
  const { issuer, timeout, 'metadata-url': metadataUrl, 'allow-insecure-requests': insecure } = flags;
  const checked = { 'metadata-url': metadataUrl, timeout, 'allow-insecure-requests': insecure };
  const advice =
    issuer === undefined
      ? 'Is this the address of the token endpoint, and can this machine reach it?'
      : `To find out more, run: ${programLine('check', issuer, checked)}`;
  return `${said(message, url, detail, description, hint)}. ${advice}`;
}

/** Where the client's secret may come from. Exactly one of them is given. */
export interface SecretFlags {
  readonly 'client-secret'?: string;
  readonly 'client-secret-env'?: string;
  readonly 'client-secret-stdin'?: boolean;
}

const MAX_SECRET_LENGTH = 10_000;

/**
 * Reads the secret from where the flags say.
 *
 * @throws {UsageError} none or several of the flags, an empty or overlong secret
 */
export async function readSecret(flags: SecretFlags, context: CommandContext): Promise<string> {
  const { 'client-secret': inline, 'client-secret-env': variable, 'client-secret-stdin': fromStdin } = flags;
  const given = [inline, variable, fromStdin].filter((flag) => flag !== undefined);
  if (given.length !== 1)
    throw new UsageError('token needs one of --client-secret-env, --client-secret-stdin and --client-secret');
  if (inline !== undefined) return checkSecret(inline, '--client-secret');
  if (variable === undefined) return checkSecret(await readLine(context), 'standard input');
  return checkSecret(context.env[variable], 'the environment variable of --client-secret-env');
}

function checkSecret(secret: string | undefined, source: string): string {
  if (secret === undefined || secret === '') throw new UsageError(`there is no secret in ${source}`);
  if (secret.length > MAX_SECRET_LENGTH) throw new UsageError(`the secret in ${source} is too long`);
  return secret;
}

/** The first line: what a file, a pipe or `pass show` gives, without the line break. */
async function readLine(context: CommandContext): Promise<string> {
  if (context.stdin.isTTY === true)
    throw new UsageError(
      'standard input is a terminal, which would show the secret: pipe it in, or use --client-secret-env',
    );
  const isEnough = (text: string) => text.includes('\n') || text.length > MAX_SECRET_LENGTH;
  const text = await readStdin(context, isEnough);
  return text.split(/\r?\n/, 1)[0] ?? '';
}
