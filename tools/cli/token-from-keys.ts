import { createKeyRing } from '../../src/testing/signing-key.js';
import { createTokenIssuer } from '../../src/testing/token-issuer.js';
import {
  checkObject,
  identifiers,
  idOrSecret,
  textOrTexts,
  wholeNumberBetween,
  YEAR_SECONDS,
} from '../core.js';
import { describeToken, readKeysFile } from '../dev-issuer/index.js';
import { FileError, nestsTooDeep } from '../json-file.js';
import { readNumber, readPairs, readScopes } from './arguments.js';
import { type CommandContext, UsageError } from './command.js';
import { checkFlags } from './flags.js';

/** What `token --json` prints. */
export interface MintedToken {
  readonly accessToken: string;
  /** In seconds since the epoch. Null if `--claim` put something else there. */
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

const CHECKS = {
  issuer: idOrSecret,
  audience: identifiers(textOrTexts),
  clientId: idOrSecret,
  lifetimeSeconds: wholeNumberBetween(1, YEAR_SECONDS),
};
/** Claims with their own flag. */
const CLAIM_FLAGS: Readonly<Record<string, string>> = {
  iss: '--issuer',
  aud: '--audience',
  client_id: '--client-id',
  scope: '--scope',
};

/**
 * Makes a token as a development issuer with these keys would.
 *
 * @throws {UsageError} a flag is missing or wrong
 * @throws {FileError} the file can't be used
 */
export async function mintFromKeysFile(flags: KeysFlags, { clock }: CommandContext): Promise<MintedToken> {
  const { issuer, audience, 'client-id': clientId = 'order-service', lifetime = '3600' } = flags;
  if (issuer === undefined || audience === undefined)
    throw new UsageError('a token from --keys needs --issuer and --audience');
  const given = { issuer, audience, clientId, lifetimeSeconds: readNumber(lifetime, 'lifetime') };
  const { lifetimeSeconds } = checkFlags(() => checkObject(given, '', CHECKS));
  const [firstAudience = '', ...others] = audience;
  const scope = readScopes(flags.scope);
  const claims = {
    ...readClaims(flags.claim),
    ...(scope.length === 0 ? {} : { scope: scope.join(' ') }),
    ...(others.length === 0 ? {} : { aud: audience }),
  };
  const keys = await readKeysFile(flags.keys);
  if (keys === undefined)
    throw new FileError(`${flags.keys}: there is no such file; dev-issuer --keys makes it`);

  const ring = await createKeyRing(keys[0].algorithm, { keys });
  const settings = { audience: firstAudience, clientId, lifetimeSeconds, clock };
  const accessToken = await createTokenIssuer(issuer, settings, ring).token(claims);
  const exp = describeToken(accessToken).claims?.exp;
  return { accessToken, expiresAt: typeof exp === 'number' ? exp : null, scope };
}

function readClaims(given: readonly string[] | undefined): Readonly<Record<string, unknown>> {
  const claims = [...readPairs(given, 'claim')].map(([name, text]) => {
    if (Object.hasOwn(CLAIM_FLAGS, name))
      throw new UsageError(`the claim ${name} is for ${CLAIM_FLAGS[name]}`);
    const value = readValue(text);
    if (nestsTooDeep(value)) throw new UsageError('--claim takes JSON of at most 100 levels');
    return [name, value];
  });
  return Object.fromEntries(claims);
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON, so it means itself
  }
}
