import { createSigningKey, mint } from '../tokens.mjs';
import { compare, joseWith, productWith } from './compare.mjs';

const ISSUER = 'https://issuer.example.com';

/** Tokens that grow from 1 to 8 KB by one long claim. */
export function measureTokenSize(options) {
  const key = createSigningKey('ES256');
  const jwks = { keys: [key.jwk] };
  return compare(
    [1, 2, 4, 8].map((kilobytes) => ({
      variant: `${kilobytes} KB`,
      // Its own, since a cache that is bounded in memory would not hold the tokens of all sizes.
      verifiers: {
        'oauth-resource-server': productWith({ issuer: ISSUER, jwks }),
        'jose, keys given': joseWith(ISSUER, jwks),
      },
      mint: mintOfSize(key, kilobytes * 1024),
    })),
    options,
  );
}

function mintOfSize(key, length) {
  const missing = length - mint(key, ISSUER, { about: '' }).length;
  const about = 'x'.repeat(Math.floor((missing * 3) / 4)); // Base64 makes four characters of three
  return () => mint(key, ISSUER, { about });
}
