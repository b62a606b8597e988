import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import type {
  Algorithm,
  ResourceServerOptions,
  TokenType,
  TrustedIssuer,
} from '../../../src/options/options.js';
import { isScopeToken } from '../../../src/token/scope.js';
import { type CommandLine, numberOf, parseCommandLine } from '../arguments.js';
import { type CommandContext, UsageError } from '../command.js';
import { checkServerOptions, interruptible } from '../server-options.js';
import type { ExplainOptions } from './explain-token.js';

const FLAGS = {
  issuer: { type: 'string' },
  audience: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  'token-type': { type: 'string' },
  algorithm: { type: 'string', multiple: true },
  'clock-tolerance': { type: 'string' },
  'scope-claim': { type: 'string' },
  'client-id': { type: 'string', multiple: true },
  'client-id-claim': { type: 'string' },
  jwks: { type: 'string' },
  'jwks-uri': { type: 'string' },
  'metadata-url': { type: 'string' },
  timeout: { type: 'string' },
  'allow-insecure-requests': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Values = CommandLine<typeof FLAGS>['values'];

export interface ExplainArguments {
  readonly positionals: readonly string[];
  readonly options: ExplainOptions;
  readonly json: boolean;
}

/** Reads the arguments of `explain`. @throws {UsageError} */
export async function readExplainArguments(
  args: readonly string[],
  context: CommandContext,
): Promise<ExplainArguments> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  const server = await toServerOptions(values, context);
  checkServerOptions(server);
  const options = { server, scopes: scopesOf(values.scope ?? []) };
  return { positionals, options, json: values.json ?? false };
}

async function toServerOptions(values: Values, context: CommandContext): Promise<ResourceServerOptions> {
  const { audience, algorithm } = values;
  if (values.issuer === undefined) throw new UsageError('--issuer is missing: whose tokens the API accepts');
  if (audience === undefined) throw new UsageError("--audience is missing: the API's own identifier");
  const tolerance = numberOf(values['clock-tolerance'], 'clock-tolerance');
  const timeout = numberOf(values.timeout, 'timeout');
  return {
    issuer: await toTrustedIssuer(values.issuer, values),
    audience,
    ...given('algorithms', algorithm as readonly Algorithm[] | undefined), // checked with the others
    ...given('tokenType', values['token-type'] as TokenType | undefined), // checked with the others
    ...given('clockToleranceSeconds', tolerance),
    ...(timeout === undefined ? {} : { keys: { timeoutSeconds: timeout } }),
    allowInsecureRequests: values['allow-insecure-requests'] ?? false,
    fetch: interruptible(context.fetch, context.signal),
    clock: context.clock,
  };
}

async function toTrustedIssuer(issuer: string, values: Values): Promise<TrustedIssuer> {
  return {
    issuer,
    ...given('jwks', values.jwks === undefined ? undefined : await readKeys(values.jwks)),
    ...given('jwksUri', values['jwks-uri']),
    ...given('metadataUrl', values['metadata-url']),
    ...given('clientIds', values['client-id']),
    ...given('scopeClaim', values['scope-claim']),
    ...given('clientIdClaim', values['client-id-claim']),
  };
}

/** Messages without the content of the file: it could hold private keys. */
async function readKeys(path: string): Promise<JSONWebKeySet> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(`--jwks takes a file that can be read (${code})`);
  }
  try {
    return JSON.parse(text) as JSONWebKeySet; // checked with the others
  } catch {
    throw new UsageError('--jwks takes a file with a JWK Set; this one is no JSON');
  }
}

/** `--scope "read:inventory write:orders"` is the same as two options. */
function scopesOf(values: readonly string[]): readonly string[] {
  const scopes = values.flatMap((value) => value.split(' ').filter((scope) => scope !== ''));
  if (!scopes.every(isScopeToken) || (values.length > 0 && scopes.length === 0))
    throw new UsageError('--scope takes scopes without quotes and backslashes (RFC 6749, section 3.3)');
  return scopes;
}

/** A member of options, left out where there is no value. */
function given<N extends string, V>(name: N, value: V | undefined): { readonly [name in N]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in N]?: V }; // a computed name loses its type
}
