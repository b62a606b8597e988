import type { JSONWebKeySet } from 'jose';
import type {
  Algorithm,
  IntrospectionEndpointOptions,
  ResourceServerOptions,
  TokenType,
  TrustedIssuer,
} from '../../../src/index.js';
import { checkOptions } from '../../core.js';
import { readJsonFile } from '../../json-file.js';
import { programLine } from '../../shell.js';
import { type CommandLine, parseCommandLine, readNumber, readScopes } from '../arguments.js';
import { type CommandContext, interruptible, UsageError } from '../command.js';
import { checkFlags } from '../flags.js';
import { INTROSPECTION_FLAGS, readIntrospection } from '../introspection-flags.js';
import { readStdin } from '../read-stdin.js';
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
  'audience-may-be-client': { type: 'boolean' },
  'nonce-may-be-present': { type: 'boolean' },
  jwks: { type: 'string' },
  'jwks-uri': { type: 'string' },
  'metadata-url': { type: 'string' },
  ...INTROSPECTION_FLAGS,
  'may-be-absent': { type: 'string', multiple: true },
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

/** Reads the arguments of `explain`. @throws {UsageError | FileError} */
export async function readExplainArguments(
  args: readonly string[],
  context: CommandContext,
): Promise<ExplainArguments> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  const introspection = await readIntrospection(values, context);
  if (introspection === undefined && values['introspection-endpoint'] !== undefined)
    throw new UsageError("--introspection-client is missing: the API's own identifier as a client");
  if (values['client-secret-stdin'] === true && (positionals[0] ?? '-') === '-')
    throw new UsageError('standard input has the secret: give the token as an argument');
  const server = await toServerOptions(values, introspection, context);
  checkFlags(() => checkOptions(server), { '--jwks': values.jwks, '--client-key': values['client-key'] });
  const scopes = readScopes(values.scope);
  if (values.scope !== undefined && scopes.length === 0)
    throw new UsageError('--scope takes scopes, and got none');
  const options = { server, introspection, scopes, checkCommand: checkCommand(values) };
  return { positionals, options, json: values.json ?? false };
}

/** With the flags that `check` has too, and that its steps up to the keys need. */
function checkCommand({ issuer = '', ...values }: Values): string {
  const { 'jwks-uri': jwksUri, 'metadata-url': metadataUrl, timeout } = values;
  return programLine('check', issuer, {
    'jwks-uri': jwksUri,
    'metadata-url': metadataUrl,
    timeout,
    'allow-insecure-requests': values['allow-insecure-requests'],
  });
}

async function toServerOptions(
  values: Values,
  introspection: IntrospectionEndpointOptions | undefined,
  context: CommandContext,
): Promise<ResourceServerOptions> {
  const { audience, algorithm } = values;
  if (values.issuer === undefined) throw new UsageError('--issuer is missing: whose tokens the API accepts');
  if (audience === undefined) throw new UsageError("--audience is missing: the API's own identifier");
  const tolerance = readNumber(values['clock-tolerance'], 'clock-tolerance');
  const timeout = readNumber(values.timeout, 'timeout');
  return {
    issuer: await toTrustedIssuer(values.issuer, values, introspection),
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

async function toTrustedIssuer(
  issuer: string,
  values: Values,
  introspection: IntrospectionEndpointOptions | undefined,
): Promise<TrustedIssuer> {
  const { 'may-be-absent': absent, timeout } = values;
  const policy = {
    ...given('mayBeAbsent', absent as readonly ('aud' | 'exp')[] | undefined), // checked with the others
    ...given('timeoutSeconds', readNumber(timeout, 'timeout')),
  };
  if (introspection === undefined && absent !== undefined)
    throw new UsageError('--may-be-absent is for tokens that the issuer is asked about');
  const jwks = values.jwks === undefined ? undefined : await readJsonFile(values.jwks);
  return {
    issuer,
    ...given('jwks', jwks as JSONWebKeySet | undefined), // checked with the others
    ...given('jwksUri', values['jwks-uri']),
    ...given('metadataUrl', values['metadata-url']),
    ...given('clientIds', values['client-id']),
    ...given('scopeClaim', values['scope-claim']),
    ...given('clientIdClaim', values['client-id-claim']),
    ...given('audienceMayBeClient', values['audience-may-be-client']),
    ...given('nonceMayBePresent', values['nonce-may-be-present']),
    ...given('introspection', introspection && { ...introspection, ...policy }),
  };
}

/** A member of options, left out if it has no value. */
function given<N extends string, V>(name: N, value: V | undefined): { readonly [name in N]?: V } {
  // `as`: a computed name loses its type.
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in N]?: V };
}

/** Far longer than any token, so that one that's too large can still be explained. */
const MAX_INPUT_LENGTH = 1_048_576;
const FIELD = /^authorization:/i;
/** Schemes that may come before a token. Any other first word could be a piece of the token itself. */
const SCHEME = /^(?:bearer|basic|digest|dpop|jwt|token|mac)(?:\s|$)/i;

/**
 * The value of the `Authorization` field to explain: from the arguments, or from standard input if there are
 * none or only `-`.
 *
 * @returns undefined for no field: the input is empty
 * @throws {UsageError} neither has one
 */
export async function readAuthorization(
  positionals: readonly string[],
  context: CommandContext,
): Promise<string | undefined> {
  const [first, ...others] = positionals;
  if (first === '-' && others.length > 0) throw new UsageError('- must be the only argument');
  // `Bearer eyJ…` without quotes is two arguments.
  if (first !== undefined && first !== '-') return toAuthorization(positionals.join(' '));
  if (first === undefined && context.stdin.isTTY === true)
    throw new UsageError('give a token, or pipe one to standard input');
  const isTooLong = (text: string) => text.length > MAX_INPUT_LENGTH;
  const input = await readStdin(context, isTooLong);
  if (isTooLong(input)) throw new UsageError('there is more than a token on standard input');
  return toAuthorization(input);
}

/**
 * Reads what people paste (a token, `Bearer` and a token, or a whole `Authorization` line) as the value of
 * the field.
 *
 * `eyJ…` → `Bearer eyJ…`; `Authorization: Bearer eyJ…` → `Bearer eyJ…`; blank → undefined
 */
function toAuthorization(input: string): string | undefined {
  const text = input.trim();
  if (text === '') return undefined;
  if (FIELD.test(text)) return text.replace(FIELD, '').trim();
  return SCHEME.test(text) ? text : `Bearer ${text}`;
}
