import { createPublicKey, verify } from 'node:crypto';
import { signatureParameters } from '../tokens.mjs';

/** The reference: a bare, synchronous `crypto.verify`. It looks at no claim. */
export function inProcess({ algorithm, pem }) {
  const { digest, key } = signatureParameters(algorithm, createPublicKey(pem));
  return ({ input, signature }) => {
    if (!verify(digest, input, key, signature)) throw new Error('wrong signature');
  };
}

/** Taking the token apart is no part of what is measured. */
export function prepare(token) {
  const end = token.lastIndexOf('.');
  return {
    input: Buffer.from(token.slice(0, end)),
    signature: Buffer.from(token.slice(end + 1), 'base64url'),
  };
}
