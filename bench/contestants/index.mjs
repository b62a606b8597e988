import { createResourceServer } from 'oauth-resource-server';
import { ALGORITHMS } from '../tokens.mjs';

const NOT_PSS = ['RS256', 'ES256', 'EdDSA'];
const NOT_EDDSA = ['RS256', 'PS256', 'ES256'];

/**
 * Everything that is measured.
 *
 * - `module`: its file here, which has a function for each place in `where`
 * - `options`: given to that function
 * - `kind`: `product`; `middleware`, a package for this job; `library`, a verifier under the glue of by-hand.mjs; `reference`
 * - `algorithms`: what its documentation or source lists; the others are marked "–"
 *
 * @typedef {{ name: string, module: string, kind: string, where: string[], algorithms: string[], options?: object }} Contestant
 * @type {Contestant[]}
 */
const everything = [
  { name: 'crypto.verify', module: 'crypto-verify', kind: 'reference', where: ['inProcess'] },
  { name: 'jose jwtVerify', module: 'jose-bare', kind: 'reference', where: ['inProcess'] },
  product('oauth-resource-server', {}),
  product('oauth-resource-server, cache: false', { cache: false }),
  {
    name: 'oauth-resource-server, verify()',
    module: 'product-verify',
    kind: 'product',
    where: ['inProcess'],
  },
  {
    name: 'jose by hand',
    module: 'jose-by-hand',
    kind: 'library',
    where: ['inProcess', 'express', 'fastify', 'nestjs'],
  },
  {
    name: 'express-oauth2-jwt-bearer',
    module: 'express-oauth2-jwt-bearer',
    kind: 'middleware',
    where: ['inProcess', 'express'],
  },
  {
    name: 'express-jwt + jwks-rsa',
    module: 'express-jwt',
    kind: 'middleware',
    where: ['inProcess', 'express'],
    algorithms: NOT_EDDSA,
  },
  {
    name: 'passport-jwt + jwks-rsa',
    module: 'passport-jwt',
    kind: 'middleware',
    where: ['inProcess', 'express', 'nestjs'],
    algorithms: NOT_EDDSA,
  },
  fastifyJwt('@fastify/jwt + get-jwks', {}),
  fastifyJwt('@fastify/jwt + get-jwks, cache: true', { cache: true }),
  {
    name: 'fastify-jwt-jwks',
    module: 'fastify-jwt-jwks',
    kind: 'middleware',
    where: ['fastify'],
    algorithms: ['RS256', 'EdDSA'],
  },
  {
    name: 'aws-jwt-verify',
    module: 'aws-jwt-verify',
    kind: 'library',
    where: ['inProcess', 'express'],
    algorithms: NOT_PSS,
  },
  { name: 'fast-jwt, key given', module: 'fast-jwt', kind: 'library', where: ['inProcess'] },
  {
    name: 'fast-jwt, key given, cache: true',
    module: 'fast-jwt',
    kind: 'library',
    where: ['inProcess', 'express', 'fastify', 'nestjs'],
    options: { cache: true },
  },
  { name: 'oauth4webapi', module: 'oauth4webapi', kind: 'library', where: ['inProcess', 'express'] },
  { name: 'oauth-resource-server', module: 'hono-product', kind: 'product', where: ['hono'] },
  {
    name: 'oauth-resource-server, cache: false',
    module: 'hono-product',
    kind: 'product',
    where: ['hono'],
    options: { cache: false },
  },
  { name: 'jose by hand', module: 'hono-by-hand', kind: 'library', where: ['hono'] },
  honoJwk('hono/jwk, key given', { isKeyGiven: true }),
  honoJwk('hono/jwk, jwks_uri', { isKeyGiven: false }),
];

function product(name, options) {
  return {
    name,
    module: 'product',
    kind: 'product',
    where: ['inProcess', 'express', 'fastify', 'nestjs'],
    options,
  };
}

function honoJwk(name, options) {
  return { name, module: 'hono-jwk', kind: 'middleware', where: ['hono'], options };
}

function fastifyJwt(name, options) {
  // jwk-to-pem, of get-jwks, has no Ed25519.
  return {
    name,
    module: 'fastify-jwt',
    kind: 'middleware',
    where: ['fastify'],
    algorithms: NOT_EDDSA,
    options,
  };
}

/** @returns {Contestant[]} those that can be measured there: `inProcess`, `express`, `fastify`, `nestjs`, `hono` */
export function contestantsOf(place) {
  return everything
    .filter(
      ({ where, options }) => where.includes(place) && (options?.cache !== false || productTakesCache()),
    )
    .map((contestant) => ({ algorithms: ALGORITHMS, options: {}, ...contestant }));
}

/** Whether it verifies a token only once. */
export function remembers({ name, options }) {
  return name === 'oauth-resource-server' || options.cache === true;
}

/** A child's way to the one contestant that it runs, so that no other is loaded beside it. */
export function loadContestant({ module }) {
  return import(new URL(`./${module}.mjs`, import.meta.url).href);
}

/** Versions of the product before its cache refuse the option. */
function productTakesCache() {
  try {
    createResourceServer({ issuer: 'https://issuer.example.com', audience: 'a', cache: false }).close();
    return true;
  } catch {
    return false;
  }
}
