import type { ClientCredential } from '../issuer/client-authentication.js';
import { type AssertionKey, resolvePrivateKey } from '../issuer/private-key.js';
import { choice, optionError } from '../lib/check.js';
import type { IntrospectionEndpointOptions } from './introspection-options.js';

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const;
const CERTIFICATE_METHODS = ['tls_client_auth', 'self_signed_tls_client_auth'] as const;
const METHODS = [...SECRET_METHODS, 'private_key_jwt', ...CERTIFICATE_METHODS] as const;

/** What can be given, and the methods that go with it. A client certificate is given by naming its method. */
const METHODS_OF = {
  clientSecret: SECRET_METHODS,
  privateKey: ['private_key_jwt'],
  accessToken: [],
  certificate: CERTIFICATE_METHODS,
} as const satisfies Record<string, readonly string[]>;

type Given = keyof typeof METHODS_OF;

/**
 * Exactly one way to authenticate (RFC 6749 §2.3): without any, everybody could find out about tokens (RFC 7662 §4).
 *
 * @throws {TypeError} none, several, or members that do not go together
 */
export function resolveCredential(given: IntrospectionEndpointOptions, name: string): ClientCredential {
  const method = choice(given.authenticationMethod, METHODS, `${name}.authenticationMethod`);
  const [one, another] = whatIsGiven(given, method);
  if (one === undefined || another !== undefined) {
    throw new TypeError(
      `option "${name}" takes one of clientSecret, privateKey, accessToken and authenticationMethod 'tls_client_auth', got ${one === undefined ? 'none' : `${one} and ${another}`}`,
    );
  }
  const methods: readonly string[] = METHODS_OF[one];
  if (method !== undefined && !methods.includes(method))
    throw new TypeError(`option "${name}.authenticationMethod" does not go with ${one}`);
  for (const option of ['keyId', 'algorithm'] as const) {
    if (one !== 'privateKey' && given[option] !== undefined)
      throw new TypeError(`option "${name}.${option}" needs privateKey`);
  }
  return credentialOf(one, given, name);
}

function whatIsGiven(
  given: IntrospectionEndpointOptions,
  method: (typeof METHODS)[number] | undefined,
): readonly Given[] {
  const members = (['clientSecret', 'privateKey', 'accessToken'] as const).filter(
    (member) => given[member] !== undefined,
  );
  return CERTIFICATE_METHODS.some((certificate) => certificate === method)
    ? [...members, 'certificate']
    : members;
}

function credentialOf(one: Given, given: IntrospectionEndpointOptions, name: string): ClientCredential {
  const { clientSecret, accessToken, authenticationMethod } = given;
  switch (one) {
    case 'clientSecret':
      if (typeof clientSecret !== 'string' || clientSecret === '')
        throw optionError(`${name}.clientSecret`, 'a non-empty string', clientSecret);
      return {
        kind: 'secret',
        clientSecret,
        method: SECRET_METHODS.find((method) => method === authenticationMethod),
      };
    case 'accessToken':
      if (typeof accessToken !== 'function')
        throw optionError(`${name}.accessToken`, 'a function', accessToken);
      return { kind: 'token', accessToken };
    case 'privateKey':
      return { kind: 'key', key: privateKeyOf(given, name) };
    case 'certificate':
      return { kind: 'certificate' };
  }
}

/** The messages of that check name the options alone. */
function privateKeyOf(
  { privateKey, keyId, algorithm }: IntrospectionEndpointOptions,
  name: string,
): AssertionKey {
  try {
    return resolvePrivateKey(privateKey, keyId, algorithm);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(error.message.replace(/^option "/, `option "${name}.`));
  }
}
