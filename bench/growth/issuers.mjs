import { createSigningKey, mint } from '../tokens.mjs';
import { compare, productWith } from './compare.mjs';

/** More and more trusted issuers, whose tokens come in turn. */
export function measureIssuers(options) {
  const key = createSigningKey('ES256');
  return compare(
    [1, 10, 1000].map((count) => variantOf(count, key)),
    options,
  );
}

function variantOf(count, key) {
  const identifiers = Array.from({ length: count }, (_, index) => `https://issuer-${index}.example.com`);
  const jwks = { keys: [key.jwk] };
  return {
    variant: `${count}`,
    verifiers: { 'oauth-resource-server': productWith(identifiers.map((issuer) => ({ issuer, jwks }))) },
    mint: (index) => mint(key, identifiers[index % count]),
  };
}
