import { allowInsecureRequests, validateJwtAccessToken } from 'oauth4webapi';
import { byHandExpress } from './by-hand.mjs';

/** It takes a `Request` of the Fetch standard, which a Node application has to make. */
function verifier({ issuer, audience, jwksUri, jwks }) {
  const server = { issuer, jwks_uri: jwksUri };
  const options = { [allowInsecureRequests]: true, signingAlgorithms: jwks.keys.map(({ alg }) => alg) };
  return (token) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = new Request('http://inventory.example.com/stock/42', { headers });
    return validateJwtAccessToken(server, request, audience, options);
  };
}

export const inProcess = verifier;
export const express = (trust) => byHandExpress(verifier(trust), trust);
