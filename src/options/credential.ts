import type { AssertionSigner } from '../issuer/assertion-signer.js';
import type { AskedCertificate, AskedSource, CredentialSettings } from '../issuer/credential-source.js';
import { checkPrivateKey, type PrivateKey } from '../issuer/private-key.js';
import {
  badOption,
  type Check,
  callable,
  checkObject,
  idOrSecret,
  memberPath,
  oneOf,
  optional,
  text,
  unchecked,
} from '../lib/check.js';
import { readTextFile } from '../lib/text-file.js';
import { ALGORITHMS, type Algorithm, type AuthenticationMethod } from '../terms.js';
import { MAX_TOKEN_LENGTH } from '../token/compact-jws.js';
import { checkCertificateOption } from './certificate.js';

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const;
const AUDIENCES = ['issuer', 'token_endpoint'] as const;

/** What signs client assertions, or a function that returns it. */
type PrivateKeySource = AssertionKeySource | (() => AssertionKeySource | Promise<AssertionKeySource>);
type AssertionKeySource = PrivateKey | AssertionSigner;

/**
 * Returns a JWT that someone else made: a function, or a file, such as the token that Kubernetes projects
 * into a container. It's called or read for each request, so a replacement is used from the next request on.
 */
export type AssertionSource = (() => string | Promise<string>) | { readonly file: string };

/** How a client proves its identity to an authorization server (RFC 6749 §2.3). */
export interface ClientAuthenticationOptions {
  /**
   * The client's secret, or a function that returns it, such as a look-up in a vault.
   *
   * A function is called for each token request, and for introspection at most once a minute, so a rotated
   * secret needs no restart. If the server refuses the secret, the function is called once more. If it
   * returns another one, the request is made again. If it throws, takes longer than `timeoutSeconds`, or
   * doesn't return a string of 1 to 10000 characters, none of them a control character, there's no token
   * (`credential_unavailable`), or no introspection (503 `introspection_auth_failed`).
   */
  readonly clientSecret?: string | (() => string | Promise<string>);
  /**
   * The key that signs client assertions (RFC 7523, `private_key_jwt`), instead of a secret, or a function
   * that returns it, called like that of `clientSecret`. Nothing secret leaves the process then. For a key in
   * a KMS or an HSM, give an object that signs: {@link AssertionSigner}. A function should return a JWK with
   * `kid` or such an object with `keyId`, so that the key id changes with the key. `x5t#S256` and `x5t` of a
   * JWK get into the header of assertions.
   */
  readonly privateKey?: PrivateKeySource;
  /**
   * A client assertion that others make (RFC 7521 §4.2, RFC 7523 §2.2), instead of a secret or a key: a
   * function, or `{ file: '/var/run/secrets/tokens/auth' }`, such as the token that Kubernetes projects into
   * a container. It's a JWT of at most 16384 characters, which only the authorization server reads.
   *
   * The function is called, or the file read, for each request, and once more if the server refuses the
   * assertion. So for introspection, a function should remember its assertion.
   */
  readonly clientAssertion?: AssertionSource;
  /**
   * The `kid` of client assertions: which of the client's registered keys it is. Default: the JWK's `kid`, or
   * none.
   */
  readonly keyId?: string;
  /**
   * The `alg` of client assertions. Default: the JWK's `alg`, or by the key RS256, ES256, ES384, ES512 or
   * EdDSA.
   */
  readonly algorithm?: Algorithm;
  /**
   * How the client authenticates. Default: `private_key_jwt` with a key or an assertion; with a secret
   * `client_secret_basic`, or `client_secret_post` if the server's metadata has that and not the other. With
   * `tls_client_auth` and `self_signed_tls_client_auth` the connection authenticates (RFC 8705 §2): that of
   * `certificate`, or of a `fetch` that shows one.
   */
  readonly authenticationMethod?: AuthenticationMethod;
}

/** {@link checkCredential} checks them together. */
export const AUTHENTICATION_CHECKS: Readonly<Record<keyof ClientAuthenticationOptions, Check<unknown>>> & {
  readonly certificate: Check<AskedCertificate | undefined>;
} = {
  clientSecret: unchecked,
  privateKey: unchecked,
  clientAssertion: unchecked,
  keyId: unchecked,
  algorithm: unchecked,
  certificate: checkCertificateOption,
  authenticationMethod: unchecked,
};

/**
 * The ways to authenticate, with the methods of each. A certificate authenticates if its method is named, or
 * if there's nothing else. Next to a secret or a key, it's only what tokens are bound to.
 */
const METHODS: Readonly<Record<Kind, readonly string[]>> = {
  clientSecret: SECRET_METHODS,
  privateKey: ['private_key_jwt'],
  clientAssertion: ['private_key_jwt'],
  accessToken: [],
  certificate: ['tls_client_auth', 'self_signed_tls_client_auth'],
  none: [],
};

type GivenKind = 'clientSecret' | 'privateKey' | 'clientAssertion' | 'accessToken';
type Kind = GivenKind | 'certificate' | 'none';
type Detail = 'keyId' | 'algorithm' | 'assertionAudience' | 'authenticationMethod';

/**
 * Checks that there's exactly one way to authenticate (RFC 6749 §2.3).
 *
 * @param path the option that these members belong to; empty for the outermost object
 * @param kinds the ways to choose from. `none`: the client needn't authenticate
 * @throws {OptionError} none, several, or members that don't go together
 */
export function checkCredential(
  given: { readonly [Name in Kind | Detail]?: unknown },
  path: string,
  kinds: readonly Kind[],
): CredentialSettings {
  const at = (name: string) => memberPath(path, name);
  const known: readonly string[] = kinds.flatMap((kind) => METHODS[kind]);
  const method = optional(oneOf(known))(given.authenticationMethod, at('authenticationMethod'));
  const isGiven = (kind: Kind): boolean => {
    if (kind === 'none') return false;
    return kind === 'certificate' ? METHODS.certificate.includes(method ?? '') : given[kind] !== undefined;
  };
  const implied = given.certificate === undefined ? kinds.find((one) => one === 'none') : 'certificate';
  const [kind = implied, another] = kinds.filter(isGiven);
  if (kind === undefined || another !== undefined) {
    const words = kinds.filter((one) => one !== 'none');
    const choices = `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
    const got = kind === undefined ? 'none' : `${kind} and ${another}`;
    throw badOption(path || 'options', `takes one of ${choices}, got ${got}`);
  }
  if (method !== undefined && !METHODS[kind].includes(method))
    throw badOption(at('authenticationMethod'), `does not go with ${kind}`);
  for (const name of ['keyId', 'algorithm', 'assertionAudience'] as const) {
    if (kind !== 'privateKey' && given[name] !== undefined) throw badOption(at(name), 'needs privateKey');
  }
  switch (kind) {
    case 'clientSecret': {
      const { clientSecret: secret } = given;
      const secretMethod = SECRET_METHODS.find((one) => one === method);
      if (typeof secret === 'function')
        return { kind: 'asked', name: kind, ask: callable(secret, at(kind)), method: secretMethod };
      return { kind: 'secret', clientSecret: idOrSecret(secret, at(kind)), method: secretMethod };
    }
    case 'clientAssertion':
      return { kind: 'asked', name: kind, ...checkAssertionSource(given.clientAssertion, at(kind)) };
    case 'accessToken':
      return { kind: 'asked', name: kind, ask: callable(given.accessToken, at(kind)) };
    case 'privateKey': {
      const wanted = optional(oneOf(AUDIENCES))(given.assertionAudience, at('assertionAudience'));
      const audience = wanted === 'token_endpoint' ? 'endpoint' : 'issuer';
      const { privateKey } = given;
      if (typeof privateKey !== 'function')
        return { kind: 'key', key: checkPrivateKey(given, path), audience };
      const keyId = optional(text)(given.keyId, at('keyId'));
      const algorithm = optional(oneOf(ALGORITHMS))(given.algorithm, at('algorithm'));
      return { kind: 'asked', name: kind, ask: callable(privateKey, at(kind)), keyId, algorithm, audience };
    }
    case 'certificate':
    case 'none':
      return { kind };
  }
}

/** Checks an {@link AssertionSource}. Its file is read only when the assertion is needed. */
export function checkAssertionSource(given: unknown, path: string): AskedSource {
  if (typeof given === 'function') return { ask: callable(given, path) };
  const { file } = checkObject(given, path, { file: text }, 'a function or { file }');
  return { ask: () => readTextFile(file, MAX_TOKEN_LENGTH), from: 'file' };
}
