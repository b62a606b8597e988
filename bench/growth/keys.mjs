import { createSigningKey, mint } from '../tokens.mjs';
import { compare, joseWith, productWith } from './compare.mjs';

const ISSUER = 'https://issuer.example.com';

/** One issuer with more and more keys; its tokens are signed with the last of them, or with each in turn. */
export function measureKeys(options) {
  const keys = Array.from({ length: 100 }, (_, index) => createSigningKey('ES256', `key-${index}`));
  const signedByLast = (count) => variantOf(`${count}`, keys.slice(0, count), () => keys[count - 1]);
  return compare(
    [
      signedByLast(1),
      signedByLast(10),
      signedByLast(100),
      variantOf('100, each in turn', keys, (index) => keys[index % keys.length]),
    ],
    options,
  );
}

function variantOf(variant, keys, keyOf) {
  const jwks = { keys: keys.map(({ jwk }) => jwk) };
  return {
    variant,
    verifiers: {
      'oauth-resource-server': productWith({ issuer: ISSUER, jwks }),
      'jose, keys given': joseWith(ISSUER, jwks),
    },
    mint: (index) => mint(keyOf(index), ISSUER),
  };
}
