import { createResourceServer, requirementOfScopes } from 'oauth-resource-server';
import { hasScope } from '../contestants/by-hand.mjs';
import { requestWith } from '../contestants/middleware-call.mjs';
import { authenticating } from '../contestants/product.mjs';
import { AUDIENCE, createSigningKey, mint } from '../tokens.mjs';
import { compare, joseWith } from './compare.mjs';

const ISSUER = 'https://issuer.example.com';

/** Tokens with more and more scopes, of which the route requires the last. */
export function measureScopes(options) {
  const key = createSigningKey('ES256');
  return compare(
    [1, 10, 100].map((count) => variantOf(count, key)),
    options,
  );
}

function variantOf(count, key) {
  const scopes = Array.from({ length: count }, (_, index) => `read:inventory-${index}`);
  const jwks = { keys: [key.jwk] };
  return {
    variant: `${count}`,
    verifiers: {
      'oauth-resource-server': withProduct(jwks, scopes.at(-1)),
      'jose, keys given': withJose(jwks, scopes.at(-1)),
    },
    mint: () => mint(key, ISSUER, { scope: scopes.join(' ') }),
  };
}

function withProduct(jwks, scope) {
  const server = createResourceServer({ issuer: { issuer: ISSUER, jwks }, audience: AUDIENCE });
  const authenticate = authenticating(server);
  const requirement = requirementOfScopes([scope], 'bench');
  const authorize = (auth) => {
    if (server.authorize(auth, requirement).kind !== 'allowed') throw new Error('the scope is missing');
  };
  const operation = (request) => {
    const auth = authenticate(request);
    return auth instanceof Promise ? auth.then(authorize) : authorize(auth);
  };
  return { operation, prepare: requestWith };
}

function withJose(jwks, scope) {
  const { operation: verify, prepare } = joseWith(ISSUER, jwks);
  const operation = async (token) => {
    const { payload } = await verify(token);
    if (!hasScope(payload, scope)) throw new Error('the scope is missing');
  };
  return { operation, prepare };
}
