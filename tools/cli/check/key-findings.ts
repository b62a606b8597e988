import { InvalidTokenError } from '../../../src/index.js';
import {
  createKeyIndex,
  DEFAULT_KEYS,
  FetchFailure,
  findKey,
  importVerificationKey,
  isJsonObject,
  keyLifetime,
  readKeys,
  type SkipCause,
  type VerificationKey,
} from '../../core.js';
import { show, showList, showText } from '../printable.js';
import { type Finding, failure, info, ok, warning } from './finding.js';
import { describeFailure, type Probe } from './probe.js';

/** One member of a key set, for programs. */
export interface KeyReport {
  readonly kid: unknown;
  readonly kty: unknown;
  readonly crv: unknown;
  readonly algorithms: readonly string[];
  /** For readable RSA keys: the length of the modulus. */
  readonly bits: number | undefined;
  /** `rejected`: tokens signed with it are refused. `skipped`: the verifier ignores it. */
  readonly use: 'usable' | 'rejected' | 'skipped';
  /** Why it isn't usable. */
  readonly cause: SkipCause | 'rsa_too_short' | undefined;
}

export interface ExaminedKeys {
  readonly findings: readonly Finding[];
  readonly keys: readonly KeyReport[];
  /** Whether a token can be verified by any of them. */
  readonly verify: boolean;
}

const REPLACE = 'Replace the key at once: anyone can read it and make tokens with it.';
/** Advice for members that the verifier leaves out. The others, such as keys for encryption, are fine. */
const SKIPPED: Partial<Readonly<Record<SkipCause, readonly [status: 'failed' | 'warning', fix: string]>>> = {
  'private key published': ['failed', REPLACE],
  'symmetric key': ['failed', REPLACE],
  'not a JSON object': ['warning', 'Correct the key set: each member is a JSON object (RFC 7517 §5).'],
  'unusable kid': ['warning', 'Give the key a "kid" that is a string of at most 512 characters.'],
  'malformed key': ['warning', 'Correct the key: its members are missing or out of range (RFC 7518 §6).'],
};

interface ExaminedMember {
  readonly report: KeyReport;
  readonly key: VerificationKey | undefined;
}

/** Steps `key_set`, `key`, `key_ids`, `algorithms` and `cache`. */
export function examineKeySet(probed: Probe, timeoutSeconds: number): ExaminedKeys {
  const { json, url, milliseconds } = probed;
  if (json === undefined) {
    const { what, fix } = describeFailure(probed, 'jwks', timeoutSeconds);
    return unreadable(`${url}: ${what}, ${milliseconds} ms`, fix);
  }
  let members: readonly unknown[];
  try {
    members = readKeys(json);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    const fix = 'Publish a JWK Set there: {"keys":[…]} with at most 500 members (RFC 7517 §5).';
    return unreadable(`${url}: ${error.message}, ${milliseconds} ms`, fix);
  }
  const examined = members.map(examineMember);
  const keys = examined.map(({ report }) => report);
  const usable = examined.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const verify = canVerify(usable);
  const names = [...new Set(usable.flatMap(({ algorithms }) => [...algorithms]))];
  return {
    findings: [
      describeKeySet(probed, keys),
      ...keys.map(describeKey),
      ...describeKeyIds(usable, verify ? warning : failure),
      ...(names.length === 0 ? [] : [info('algorithms', `the keys are for ${names.join(' ')}`)]),
      describeCache(probed),
    ],
    keys,
    verify,
  };
}

function unreadable(message: string, fix: string): ExaminedKeys {
  return { findings: [failure('key_set', message, fix)], keys: [], verify: false };
}

/** Whether there's a token that the verifier finds its key for. */
function canVerify(keys: readonly VerificationKey[]): boolean {
  const index = createKeyIndex(keys);
  return index.keys.some(({ kid, thumbprints, algorithms }) => {
    const byCertificate = thumbprints.map((name) => Object.fromEntries([name.split(' ')]));
    const references = [{}, ...(kid === undefined ? [] : [{ kid }]), ...byCertificate];
    return references.some((reference) =>
      [...algorithms].some((algorithm) => {
        try {
          return findKey(index, reference, algorithm) !== undefined;
        } catch (error) {
          if (error instanceof InvalidTokenError) return false; // too short, or not the only one
          throw error;
        }
      }),
    );
  });
}

function examineMember(member: unknown): ExaminedMember {
  const key = importVerificationKey(member);
  const { kid, kty, crv } = isJsonObject(member) ? member : {};
  if (typeof key === 'string') {
    const report: KeyReport = { kid, kty, crv, algorithms: [], bits: undefined, use: 'skipped', cause: key };
    return { report, key: undefined };
  }
  const algorithms = [...key.algorithms];
  const use = key.weakness === undefined ? 'usable' : 'rejected';
  const report: KeyReport = {
    kid,
    kty,
    crv,
    algorithms,
    bits: key.bits,
    use,
    cause: key.weakness,
  };
  return { report, key };
}

function describeKeySet({ url, answer, milliseconds }: Probe, keys: readonly KeyReport[]): Finding {
  const type = answer?.contentType ?? null;
  const count = `${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`;
  const described = type === null ? 'no content type' : showText(type);
  const message = `${url}: ${answer?.status}, ${described}, ${count}, ${milliseconds} ms`;
  if (!keys.some(({ use }) => use !== 'skipped'))
    return failure(
      'key_set',
      message,
      'Publish a public key for signatures there: RSA, EC or Ed25519, and no "use" other than "sig".',
    );
  if (/^application\/(?:jwk-set\+)?json\b/i.test(type ?? '')) return ok('key_set', message);
  return warning(
    'key_set',
    message,
    'Make the issuer send it as application/jwk-set+json or application/json. It is still read.',
  );
}

function describeKey({ kid, kty, crv, algorithms, bits, use, cause }: KeyReport): Finding {
  const kind = [kty, crv].filter((part) => typeof part === 'string').map((part) => showText(part));
  const size = bits === undefined ? '' : ` ${bits} bits`;
  const message = `kid ${show(kid)}, ${kind.join(' ') || 'no type'}${size}`;
  if (use === 'usable') return ok('key', `${message}, for ${algorithms.join(' ')}`);
  if (use === 'rejected')
    return failure(
      'key',
      `${message}: too short`,
      'Use RSA keys of at least 2048 bits. Tokens by this one are refused with key_rejected.',
    );
  const [status, fix] = (cause !== undefined && cause !== 'rsa_too_short' && SKIPPED[cause]) || [];
  const skipped = `${message}: left out, ${cause}`;
  if (status === undefined || fix === undefined) return info('key', skipped);
  return status === 'failed' ? failure('key', skipped, fix) : warning('key', skipped, fix);
}

/** @param say a finding: a failure if no token can be verified */
function describeKeyIds(keys: readonly VerificationKey[], say: typeof warning): readonly Finding[] {
  const index = createKeyIndex(keys);
  const shareAnAlgorithm = (sameId: readonly VerificationKey[]): boolean => {
    const names = sameId.flatMap(({ algorithms }) => [...algorithms]);
    return new Set(names).size < names.length;
  };
  const repeated = [...index.byKeyId.values()].filter(shareAnAlgorithm).map(([key]) => key?.kid);
  const findings: Finding[] = [];
  if (repeated.length > 0)
    findings.push(
      say(
        'key_ids',
        `several keys have the kid ${showList(repeated)}`,
        'Give each key a "kid" of its own: tokens by these are refused with ambiguous_key.',
      ),
    );
  if (index.keys.some(({ kid }) => kid === undefined) && index.keys.length > 1)
    findings.push(
      say(
        'key_ids',
        'a key has no kid',
        'Give each key a "kid", and name it in tokens: ' +
          'those without one are refused with ambiguous_key if several keys fit.',
      ),
    );
  return findings;
}

function describeCache({ answer, maxAgeSeconds }: Probe): Finding {
  const field = answer?.cacheControl ?? null;
  const seconds = keyLifetime(maxAgeSeconds, DEFAULT_KEYS);
  const shown = field === null ? 'no Cache-Control' : `Cache-Control: ${showText(field)}`;
  return info('cache', `${shown}; by default keys are renewed after ${seconds} s`);
}
