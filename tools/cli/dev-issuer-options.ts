import { dirname, resolve } from 'node:path';
import {
  checkDevIssuerOptions,
  DEFAULT_CLIENT,
  type DevClientOptions,
  type DevIssuerOptions,
} from '../dev-issuer/index.js';
import { FileError, readJsonFile } from '../json-file.js';
import { parseCommandLine, readNumber, readScopes, splitScopes } from './arguments.js';
import { UsageError } from './command.js';
import { checkFlags } from './flags.js';

const FLAGS = {
  client: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  audience: { type: 'string', multiple: true },
  host: { type: 'string' },
  port: { type: 'string' },
  algorithm: { type: 'string' },
  lifetime: { type: 'string' },
  keys: { type: 'string' },
  'dpop-nonce': { type: 'boolean' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-ca': { type: 'string' },
  'mtls-port': { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** What the command line asks for. */
export interface DevIssuerCommandLine {
  readonly options: DevIssuerOptions;
  /** One line of JSON instead of text. */
  readonly json: boolean;
}

/**
 * Reads flags and, if they name one, the configuration file. A flag overrides the member with the same
 * meaning, in `tls` too.
 *
 * @throws {UsageError} a wrong flag
 * @throws {FileError} a configuration file that can't be read, isn't JSON, or has a wrong member
 */
export async function readDevIssuerCommandLine(args: readonly string[]): Promise<DevIssuerCommandLine> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  if (positionals.length > 0) throw new UsageError('dev-issuer takes options only');
  const { config, json = false } = values;
  const scopes = values.scope && readScopes(values.scope);
  const fromFile = config === undefined ? {} : await readConfigFile(config);
  if (fromFile.clients !== undefined && values.client === undefined && scopes !== undefined)
    throw new UsageError('--scope is for clients of --client; those of the file have their own');
  const tls = presentMembers({
    cert: values['tls-cert'],
    key: values['tls-key'],
    ca: values['tls-ca'],
    mtlsPort: readNumber(values['mtls-port'], 'mtls-port'),
  });
  const flags = presentMembers({
    host: values.host,
    port: readNumber(values.port, 'port'),
    algorithm: values.algorithm,
    lifetimeSeconds: readNumber(values.lifetime, 'lifetime'),
    keys: values.keys,
    audience: values.audience,
    clients: readClients(values.client, scopes),
    dpopNonce: values['dpop-nonce'],
    tls: tls && { ...fromFile.tls, ...tls },
  });
  const options = { ...fromFile, ...flags };
  // The file has been checked already, so any fault is a flag's.
  checkFlags(() => checkDevIssuerOptions(options));
  return { options, json };
}

/** Undefined if nothing is left. */
function presentMembers(members: object): object | undefined {
  const present = Object.entries(members).filter(([, value]) => value !== undefined);
  return present.length === 0 ? undefined : Object.fromEntries(present);
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

async function readConfigFile(file: string): Promise<DevIssuerOptions> {
  const options = await readJsonFile(file);
  try {
    checkDevIssuerOptions(options);
  } catch (error) {
    if (error instanceof TypeError) throw new FileError(`${file}: ${error.message}`);
    throw error;
  }
  return resolveFiles(options, dirname(file));
}

/** File names are relative to the file that contains them. */
function resolveFiles(options: DevIssuerOptions, folder: string): DevIssuerOptions {
  const at = <Name extends string>(
    members: { readonly [member in Name]?: string | undefined },
    ...names: Name[]
  ) => {
    const present = names.filter((name) => members[name] !== undefined);
    return Object.fromEntries(present.map((name) => [name, resolve(folder, members[name] ?? '')]));
  };
  const { tls, clients } = options;
  return {
    ...options,
    ...at(options, 'keys'),
    ...(tls && { tls: { ...tls, ...at(tls, 'cert', 'key', 'ca') } }),
    ...(clients && { clients: clients.map((client) => ({ ...client, ...at(client, 'certificate') })) }),
  };
}
