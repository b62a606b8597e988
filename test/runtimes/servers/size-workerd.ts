import { requireScope, resourceServer } from '../../../adapters/fetch/index.js';

/** The Worker of docs/runtimes.md, whose size stands there. */
const gate = resourceServer({
  issuer: 'https://auth.example.com',
  audience: 'https://inventory.example.com',
});
const stock = gate.protect(
  (_request, auth) => Response.json({ caller: auth.clientId }),
  requireScope('read:inventory'),
);

export default { fetch: (request: Request): Promise<Response> => stock(request) };
