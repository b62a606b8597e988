import { createRemoteJWKSet, jwtVerify } from 'jose';
import { byHandExpress, byHandFastify, byHandNest } from './by-hand.mjs';

function verifier({ issuer, audience, jwksUri }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async (token) => (await jwtVerify(token, keys, { issuer, audience })).payload;
}

export const inProcess = verifier;
export const express = (trust) => byHandExpress(verifier(trust), trust);
export const fastify = (trust) => byHandFastify(verifier(trust), trust);
export const nestjs = (trust) => byHandNest(verifier(trust), trust);
