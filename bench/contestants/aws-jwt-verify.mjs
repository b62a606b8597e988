import { JwtVerifier } from 'aws-jwt-verify';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';
import { byHandExpress } from './by-hand.mjs';

/** Its own fetcher knows https alone, so on loopback it gets another. */
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };

function verifier({ issuer, audience, jwksUri }) {
  const jwt = JwtVerifier.create(
    { issuer, audience, jwksUri },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
  return (token) => jwt.verify(token);
}

export const inProcess = verifier;
export const express = (trust) => byHandExpress(verifier(trust), trust);
