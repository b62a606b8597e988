import { createVerifier } from 'fast-jwt';
import { byHandExpress, byHandFastify, byHandNest } from './by-hand.mjs';

/** At its best: the key given, so that it answers at once. It fetches no keys by itself. */
export function inProcess({ algorithm, pem, issuer, audience }, { cache = false }) {
  return createVerifier({
    key: pem,
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: audience,
    cache,
  });
}

/** One verifier for each of the issuer's keys, chosen by the token's first characters: all tokens of a key have the same header. */
function verifier(trust, options) {
  const verifiers = new Map();
  const verifierFor = (token) => {
    const header = token.slice(0, token.indexOf('.'));
    let found = verifiers.get(header);
    if (found === undefined) {
      const { alg: algorithm } = JSON.parse(Buffer.from(header, 'base64url'));
      found = inProcess({ ...trust, algorithm, pem: trust.pems[algorithm] }, options);
      verifiers.set(header, found);
    }
    return found;
  };
  return (token) => verifierFor(token)(token);
}

export const express = (trust, options) => byHandExpress(verifier(trust, options), trust);
export const fastify = (trust, options) => byHandFastify(verifier(trust, options), trust);
export const nestjs = (trust, options) => byHandNest(verifier(trust, options), trust);
