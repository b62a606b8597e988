import { dirname, resolve } from 'node:path';
import {
  checkDevIssuerOptions,
  DEFAULT_CLIENT,
  type DevClientOptions,
  type DevIssuerOptions,
} from '../dev-issuer/index.js';
import { FileError, readJsonFile } from '../json-file.js';
import { parseCommandLine, readNumber, splitScopes } from './arguments.js';
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

/**
 * Reads flags and, if they name one, the configuration file. A flag takes precedence over the member of the
 * same meaning.
 *
 * @throws {UsageError} a wrong flag
 * @throws {FileError} a configuration file that can't be read, isn't JSON, or has a wrong member
 */
export async function readDevIssuerCommandLine(args: readonly string[]): Promise<DevIssuerCommandLine> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  if (positionals.length > 0) throw new UsageError('dev-issuer takes options only');
  const { config, json = false } = values;
  const scopes = values.scope === undefined ? undefined : splitScopes(values.scope.join(' '));
  const flags = {
    host: values.host,
    port: readNumber(values.port, 'port'),
    algorithm: values.algorithm,
    lifetimeSeconds: readNumber(values.lifetime, 'lifetime'),
    keys: values.keys,
    audience: values.audience,
    clients: readClients(values.client, scopes),
  };
  const options = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  checkFlags(options);
  if (config === undefined) return { options, json };

  const fromFile = await readConfigFile(config);
  if (fromFile.clients !== undefined && values.client === undefined && scopes !== undefined)
    throw new UsageError('--scope is for clients of --client; those of the file have their own');
  return { options: { ...fromFile, ...options }, json };
}

/** `order-service:dev-secret:read:inventory write:orders` → id, secret, scopes. Scopes may contain colons. */
const CLIENT = /^([^:]*)(?::([^:]*)(?::(.*))?)?$/s;

function parseClient(text: string, commonScopes: readonly string[]): DevClientOptions {
  const [, clientId = '', clientSecret = '', scopes] = CLIENT.exec(text) ?? [];
  return {
    clientId,
    ...(clientSecret === '' ? {} : { clientSecret }),
    scopes: scopes === undefined ? commonScopes : splitScopes(scopes),
  };
}

function readClients(
  clients: readonly string[] | undefined,
  scopes: readonly string[] | undefined,
): readonly DevClientOptions[] | undefined {
  if (clients !== undefined) return clients.map((client) => parseClient(client, scopes ?? []));
  return scopes === undefined ? undefined : [{ ...DEFAULT_CLIENT, scopes }];
}

function checkFlags(options: object): asserts options is DevIssuerOptions {
  try {
    checkDevIssuerOptions(options, toFlag);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** `clients[0].scopes` → `--client`. */
function toFlag(path: string): string {
  if (path.startsWith('clients')) return '--client';
  return path === 'lifetimeSeconds' ? '--lifetime' : `--${path}`;
}

async function readConfigFile(file: string): Promise<DevIssuerOptions> {
  const options = await readJsonFile(file);
  try {
    checkDevIssuerOptions(options);
  } catch (error) {
    if (error instanceof TypeError) throw new FileError(`${file}: ${error.message}`);
    throw error;
  }
  const { keys } = options;
  return keys === undefined ? options : { ...options, keys: resolve(dirname(file), keys) };
}
