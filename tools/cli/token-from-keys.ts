import { createKeyRing } from '../../src/testing/key-ring.js';
import { createTokenIssuer } from '../../src/testing/token-issuer.js';
import { isScopeToken } from '../../src/token/scope.js';
import { KeysFileError, readKeysFile } from '../dev-issuer/index.js';
import { numberOf } from './arguments.js';
import { type CommandContext, UsageError } from './command.js';

/** What `token --json` prints. */
export interface MintedToken {
  readonly accessToken: string;
  /** In seconds since the epoch. Null where `--claim` has put something else there. */
  readonly expiresAt: number | null;
  readonly scope: readonly string[];
}

/** The flags of `token --keys`. */
export interface KeysFlags {
  readonly keys: string;
  readonly issuer?: string;
  readonly audience?: readonly string[];
  readonly 'client-id'?: string;
  readonly scope?: readonly string[];
  readonly claim?: readonly string[];
  readonly lifetime?: string;
}

const DEFAULT_LIFETIME_SECONDS = 3600;
/** Claims that have a flag of their own. */
const FLAG_OF_CLAIM: Readonly<Record<string, string>> = {
  iss: '--issuer',
  aud: '--audience',
  client_id: '--client-id',
  scope: '--scope',
};

/**
 * Makes a token as a development issuer with these keys would.
 *
 * @throws {UsageError} a flag is missing or wrong
 * @throws {KeysFileError} the file cannot be used
 */
export async function mintFromKeysFile(flags: KeysFlags, { clock }: CommandContext): Promise<MintedToken> {
  const { issuer, audience = [], 'client-id': clientId = 'order-service' } = flags;
  const [firstAudience, ...others] = audience;
  if (issuer === undefined || firstAudience === undefined)
    throw new UsageError('a token from --keys needs --issuer and --audience');
  const scope = scopeOf(flags.scope);
  const claims = {
    ...claimsOf(flags.claim ?? []),
    ...(scope.length === 0 ? {} : { scope: scope.join(' ') }),
    ...(others.length === 0 ? {} : { aud: audience }),
  };
  const lifetimeSeconds = numberOf(flags.lifetime, 'lifetime') ?? DEFAULT_LIFETIME_SECONDS;
  const keys = await readKeysFile(flags.keys);
  if (keys === undefined)
    throw new KeysFileError(`${flags.keys}: there is no such file; dev-issuer --keys makes it`);

  const ring = await createKeyRing(keys[0].algorithm, { keys });
  const settings = { audience: firstAudience, clientId, lifetimeSeconds: Math.floor(lifetimeSeconds), clock };
  const accessToken = await createTokenIssuer(issuer, settings, ring).token(claims);
  return { accessToken, expiresAt: expiryOf(accessToken), scope };
}

/**
 * The scopes of repeated `--scope`, each of which may have several.
 *
 * @throws {UsageError} something that cannot be a scope (RFC 6749 §3.3)
 */
export function scopeOf(given: readonly string[] | undefined): readonly string[] {
  const scopes = (given ?? []).join(' ').split(/\s+/).filter(Boolean);
  if (!scopes.every(isScopeToken))
    throw new UsageError('--scope takes scopes, which have no quotes and backslashes');
  return [...new Set(scopes)];
}

function claimsOf(given: readonly string[]): Readonly<Record<string, unknown>> {
  const claims = new Map<string, unknown>();
  for (const text of given) {
    const end = text.indexOf('=');
    const name = text.slice(0, end);
    if (end < 1) throw new UsageError('--claim takes name=value');
    if (Object.hasOwn(FLAG_OF_CLAIM, name))
      throw new UsageError(`the claim ${name} is for ${FLAG_OF_CLAIM[name]}`);
    if (claims.has(name)) throw new UsageError('--claim names a claim twice');
    claims.set(name, readValue(text.slice(end + 1)));
  }
  return Object.fromEntries(claims);
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON, so it means itself
  }
}

function expiryOf(token: string): number | null {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return typeof exp === 'number' ? exp : null;
}
