import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  checkDevIssuerOptions,
  DEFAULT_CLIENT,
  type DevClientOptions,
  type DevIssuerOptions,
} from '../dev-issuer/index.js';
import { numberOf, parseCommandLine } from './arguments.js';
import { UsageError } from './command.js';

const FLAGS = {
  client: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  audience: { type: 'string', multiple: true },
  host: { type: 'string' },
  port: { type: 'string' },
  algorithm: { type: 'string' },
  lifetime: { type: 'string' },
  keys: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** What the command line asks for. */
export interface DevIssuerCommandLine {
  readonly options: DevIssuerOptions;
  /** One line of JSON in place of the text. */
  readonly json: boolean;
}

/** The configuration file cannot be used. The message names the file and the member, never its content. */
export class ConfigFileError extends Error {
  override readonly name: string = 'ConfigFileError';
}

/**
 * Reads flags and, where they name one, the configuration file. A flag goes before the member of the same meaning.
 *
 * @throws {UsageError} a wrong flag
 * @throws {ConfigFileError} a file that cannot be read, is not JSON, or has a wrong member
 */
export async function readDevIssuerCommandLine(args: readonly string[]): Promise<DevIssuerCommandLine> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  if (positionals.length > 0) throw new UsageError('dev-issuer takes options only');
  const { config, json = false } = values;
  const scopes = values.scope === undefined ? undefined : splitScopes(values.scope.join(' '));
  const options = withoutUndefined({
    host: values.host,
    port: numberOf(values.port, 'port'),
    algorithm: values.algorithm,
    lifetimeSeconds: numberOf(values.lifetime, 'lifetime'),
    keys: values.keys,
    audience: values.audience,
    clients: clientsOf(values.client, scopes),
  });
  checkFlags(options);
  if (config === undefined) return { options, json };

  const fromFile = await readConfigFile(config);
  if (fromFile.clients !== undefined && values.client === undefined && scopes !== undefined)
    throw new UsageError('--scope is for clients of --client; those of the file have their own');
  return { options: { ...fromFile, ...options }, json };
}

/** `order-service:dev-secret:read:inventory write:orders` → id, secret, scopes. Scopes may have colons in them. */
const CLIENT = /^([^:]*)(?::([^:]*)(?::(.*))?)?$/s;

function parseClient(text: string, commonScopes: readonly string[]): DevClientOptions {
  const [, clientId = '', clientSecret = '', scopes] = CLIENT.exec(text) ?? [];
  return {
    clientId,
    ...(clientSecret === '' ? {} : { clientSecret }),
    scopes: scopes === undefined ? commonScopes : splitScopes(scopes),
  };
}

function clientsOf(
  clients: readonly string[] | undefined,
  scopes: readonly string[] | undefined,
): readonly DevClientOptions[] | undefined {
  if (clients !== undefined) return clients.map((client) => parseClient(client, scopes ?? []));
  return scopes === undefined ? undefined : [{ ...DEFAULT_CLIENT, scopes }];
}

function splitScopes(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

function checkFlags(options: object): asserts options is DevIssuerOptions {
  try {
    checkDevIssuerOptions(options, flagOf);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** `clients[0].scopes` → `--client`. */
function flagOf(path: string): string {
  if (path.startsWith('clients')) return '--client';
  return path === 'lifetimeSeconds' ? '--lifetime' : `--${path}`;
}

async function readConfigFile(file: string): Promise<DevIssuerOptions> {
  const options = parseJson(await readText(file), file);
  try {
    checkDevIssuerOptions(options);
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigFileError(`${file}: ${error.message}`);
    throw error;
  }
  const { keys } = options;
  return keys === undefined ? options : { ...options, keys: resolve(dirname(file), keys) };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new ConfigFileError(
      `${file} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : String(code)}`,
    );
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new ConfigFileError(`${file} is not JSON`); // without the cause: it quotes the file, and secrets are in there
  }
}

function withoutUndefined(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
