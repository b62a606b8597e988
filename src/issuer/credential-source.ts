import { isDeepStrictEqual, types } from 'node:util';
import { reportWarning } from '../diagnostics.js';
import { inBackground } from '../lib/background.js';
import { describeControlCharacter, isOptionError } from '../lib/check.js';
import { GRACE_SECONDS, unlessAborted, withTimeLimit } from '../lib/deadline.js';
import { describeError, SafeError } from '../lib/errors.js';
import { isWithin, type Span, spanFrom } from '../lib/pause.js';
import { typeName } from '../lib/public-text.js';
import { SharedWork } from '../lib/shared-work.js';
import { createTlsFetch } from '../lib/tls-fetch.js';
import { isSendableToken } from '../request/credentials.js';
import type { Algorithm, SecretMethod } from '../terms.js';
import { MAX_TOKEN_LENGTH } from '../token/compact-jws.js';
import { isAssertionSigner } from './assertion-signer.js';
import { ClientAuthenticationFailure, type ClientCredential } from './client-authentication.js';
import { checkCertificate, readCertificate } from './client-certificate.js';
import { checkPrivateKey, copyPrivateKey } from './private-key.js';

/** Where a credential comes from. */
export interface AskedSource {
  readonly ask: () => unknown;
  /** Default `function`. */
  readonly from?: 'function' | 'file' | 'files' | 'option';
}

/** A credential that has to be asked for, as plain data. */
export type AskedCredential = AskedSource & { readonly kind: 'asked' } & (
    | { readonly name: 'clientSecret'; readonly method: SecretMethod | undefined }
    | {
        readonly name: 'privateKey';
        readonly keyId: string | undefined;
        readonly algorithm: Algorithm | undefined;
        readonly audience: 'issuer' | 'endpoint';
      }
    | { readonly name: 'accessToken' | 'actorToken' }
    /** `assertion`: what the JWT bearer grant shows (RFC 7523 §2.1). */
    | { readonly name: 'clientAssertion' | 'assertion' }
    | { readonly name: 'certificate' }
  );

export type AskedCertificate = Extract<AskedCredential, { readonly name: 'certificate' }>;

/** What options give: the credential itself, or a function to ask for it. */
export type CredentialSettings = ClientCredential | AskedCredential;

/** The application's function for a credential failed or returned something unusable. */
export class CredentialUnavailable extends ClientAuthenticationFailure {}

export interface CredentialSourceOptions {
  /**
   * How long an answer is reused. Default 0: asks for every request. Access tokens and assertions are never
   * kept: they expire, and an assertion may be good for only one request.
   */
  readonly rememberSeconds?: number;
  /** How long the function may take. */
  readonly timeoutSeconds: number;
  readonly clock: () => number;
}

/** Longer secrets are mistakes, such as a whole file. */
const MAX_SECRET_LENGTH = 10_000;

/** A JWS in compact serialization (RFC 7515 §7.1). Its content is for the server. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Credentials that are kept for further requests. The others are short-lived themselves. */
const LASTING = ['clientSecret', 'privateKey', 'certificate'] as const;

function isLasting(name: AskedCredential['name']): name is (typeof LASTING)[number] {
  return LASTING.some((one) => one === name);
}

/** The last answer. */
interface Known {
  /** What the credential was made from. */
  readonly material: unknown;
  /** The same object as long as the material is equal. */
  readonly credential: ClientCredential;
  readonly fresh: Span;
}

/**
 * The credential of a client. It may be rotated while the process runs.
 *
 * - The function has limited time.
 * - It's called once at a time, except for assertions: each request needs its own.
 * - A refused request is repeated once, if the function then returns another credential.
 * - While the function fails, its last secret, key or certificate stays in use.
 * - Errors contain nothing of what it returns or throws, except a type or an error's name.
 */
export class CredentialSource {
  readonly #settings: CredentialSettings;
  readonly #options: CredentialSourceOptions;
  #known: Known | undefined;
  readonly #asking: SharedWork<ClientCredential>;

  constructor(settings: CredentialSettings, options: CredentialSourceOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#asking = new SharedWork(options.clock, options.timeoutSeconds + GRACE_SECONDS);
  }

  /**
   * Makes a request with the credential. If that's refused and the credential was rotated, makes it once more
   * with the new one.
   *
   * @param isRefusal whether an error says that the server doesn't accept the credential
   * @throws {CredentialUnavailable} there's none
   * @throws what `request` throws
   */
  async use<T>(
    request: (credential: ClientCredential) => Promise<T>,
    isRefusal: (error: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<T> {
    const credential = await this.get(signal);
    try {
      return await request(credential);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // If the function fails now, the refusal is more informative.
      const another = await this.#replace(credential, signal).catch(() => undefined);
      if (another === undefined) throw error;
      return await request(another);
    }
  }

  /**
   * The last one; undefined if none was needed yet. Files are checked again meanwhile, at most once in
   * `rememberSeconds`.
   */
  latest(): ClientCredential | undefined {
    const settings = this.#settings;
    if (settings.kind !== 'asked') return settings;
    if (
      settings.from === 'files' &&
      this.#known !== undefined &&
      !isWithin(this.#known.fresh, this.#options.clock())
    )
      inBackground(() => this.#ask(settings)).catch(() => undefined); // the last one stays in use
    return this.#known?.credential;
  }

  /** @throws {CredentialUnavailable} */
  async get(signal?: AbortSignal): Promise<ClientCredential> {
    const settings = this.#settings;
    if (settings.kind !== 'asked') return settings;
    if (this.#known !== undefined && isWithin(this.#known.fresh, this.#options.clock()))
      return this.#known.credential;
    if (!isLasting(settings.name) || this.#known === undefined) return this.#ask(settings, signal);
    // Half of the time: if the function hangs, the last one must still get its chance.
    const ask = (limit: AbortSignal) => this.#ask(settings, limit);
    try {
      return await withTimeLimit(this.#options.timeoutSeconds / 2, ask, signal);
    } catch {
      return this.#known.credential;
    }
  }

  /** Undefined if it's still the refused one. */
  async #replace(refused: ClientCredential, signal: AbortSignal): Promise<ClientCredential | undefined> {
    const settings = this.#settings;
    if (settings.kind !== 'asked') return undefined;
    const known = this.#known?.credential; // another request may have asked meanwhile
    const isAsked = known === undefined || known === refused;
    const current = isAsked ? await this.#ask(settings, signal) : known;
    return isDeepStrictEqual(current, refused) ? undefined : current;
  }

  async #ask(settings: AskedCredential, signal?: AbortSignal): Promise<ClientCredential> {
    const ask = () => this.#askOnce(settings);
    const asking = isForOneRequest(settings) ? ask() : this.#asking.run(ask);
    asking.catch(() => undefined); // the callers that waited may be gone
    try {
      return await unlessAborted(asking, signal);
    } catch (error) {
      throw error instanceof CredentialUnavailable ? error : failure(settings, 'time-out');
    }
  }

  async #askOnce(settings: AskedCredential): Promise<ClientCredential> {
    const { rememberSeconds = 0, timeoutSeconds, clock } = this.#options;
    const { name } = settings;
    const fail = (detail: string, isTransient?: boolean): CredentialUnavailable => {
      if (this.#known !== undefined && isLasting(name)) {
        reportWarning({ source: name, detail });
        this.#known = { ...this.#known, fresh: spanFrom(clock(), rememberSeconds) };
      }
      return failure(settings, detail, isTransient);
    };
    let answer: unknown;
    try {
      answer = await withTimeLimit(timeoutSeconds, async () => settings.ask());
    } catch (error) {
      // Without the cause, which may carry anything.
      throw fail(describeError(error), !isPermanent(error));
    }
    try {
      const material = readMaterial(settings, answer);
      const before = this.#known;
      const isSame = before !== undefined && isSameMaterial(before.material, material);
      const credential = isSame ? before.credential : await makeCredential(settings, material);
      const seconds = isLasting(name) ? rememberSeconds : 0;
      if (!isForOneRequest(settings))
        this.#known = { material, credential, fresh: spanFrom(clock(), seconds) };
      return credential;
    } catch (error) {
      throw fail(describeUnusable(settings, error));
    }
  }
}

/**
 * Whether servers may take it only once (RFC 7523 §3), so that each request asks for one of its own. A file
 * has the same for all.
 */
function isForOneRequest(settings: AskedCredential): boolean {
  const isAssertion = settings.name === 'clientAssertion' || settings.name === 'assertion';
  return isAssertion && settings.from !== 'file';
}

/** What of an answer makes the credential: a copy, in case the application changes its object in place. */
function readMaterial({ name }: AskedCredential, answer: unknown): unknown {
  if (name === 'certificate') return readCertificate(answer, name);
  return name === 'privateKey' ? copyPrivateKey(answer) : answer;
}

/** @throws {SafeError | OptionError} it isn't what it must be */
async function makeCredential(settings: AskedCredential, answer: unknown): Promise<ClientCredential> {
  switch (settings.name) {
    case 'clientSecret': {
      if (typeof answer !== 'string' || answer === '') throw new SafeError(`it returned ${typeName(answer)}`);
      if (answer.length > MAX_SECRET_LENGTH) throw new SafeError('it returned too long a string');
      const problem = describeControlCharacter(answer);
      if (problem !== undefined) throw new SafeError(`it returned a string that ${problem}`);
      return { kind: 'secret', clientSecret: answer, method: settings.method };
    }
    case 'accessToken':
    case 'actorToken':
      if (isSendableToken(answer)) return { kind: 'token', accessToken: answer };
      throw new SafeError(`it returned ${typeof answer === 'string' ? 'no access token' : typeName(answer)}`);
    case 'clientAssertion':
    case 'assertion': {
      const assertion = typeof answer === 'string' ? answer.trim() : '';
      if (assertion.length <= MAX_TOKEN_LENGTH && JWT.test(assertion))
        return { kind: 'assertion', assertion };
      throw new SafeError(assertion === '' ? `it returned ${typeName(answer)}` : 'it is not a JWT');
    }
    case 'privateKey': {
      const key = checkPrivateKey({ ...settings, privateKey: answer }, '');
      return { kind: 'key', key, audience: settings.audience };
    }
    case 'certificate':
      return { kind: 'certificate', fetch: await createTlsFetch(checkCertificate(answer, 'certificate')) };
  }
}

function describeUnusable({ name }: AskedCredential, error: unknown): string {
  if (!isOptionError(error)) return describeError(error);
  return `${name === 'privateKey' ? 'the key' : error.option} ${error.problem}`;
}

function failure(settings: AskedCredential, detail: string, isTransient = true): CredentialUnavailable {
  const { from = 'function', name } = settings;
  const source = from === 'files' ? 'files of' : from;
  return new CredentialUnavailable(`the ${source} ${name}: ${detail}`, isTransient);
}

/** Whether a client of this package failed in the function, and another attempt doesn't help. */
function isPermanent(error: unknown): boolean {
  return error instanceof SafeError && 'transient' in error && error.transient === false;
}

function isSameMaterial(one: unknown, other: unknown): boolean {
  if (types.isKeyObject(one) && types.isKeyObject(other)) return one.equals(other);
  return isOneOfAKind(one) ? one === other : isDeepStrictEqual(one, other);
}

/** Whether its members don't distinguish it from another one. */
function isOneOfAKind(answer: unknown): boolean {
  return types.isCryptoKey(answer) || isAssertionSigner(answer);
}
