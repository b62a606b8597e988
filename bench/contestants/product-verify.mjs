import { createResourceServer } from 'oauth-resource-server';
import { optionsOf } from './product.mjs';

/** `verify(token)`: a token without a request, always a promise. */
export function inProcess(trust, options) {
  const server = createResourceServer(optionsOf(trust, options));
  return (token) => server.verify(token);
}
