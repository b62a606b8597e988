// @ts-expect-error: only Workers have this module, and its types are in a package of theirs
import { env } from 'cloudflare:workers';
import { requireScope, resourceServer } from '../../../adapters/fetch/index.js';

/**
 * Made when the module is loaded, as an application does it: no network, no timers and no random numbers
 * there.
 */
const gate = resourceServer({ ...env.setup, clockToleranceSeconds: 0 });

export default {
  async fetch(request: Request): Promise<Response> {
    const auth = await gate(request, requireScope('read:inventory'));
    if (auth instanceof Response) return auth;
    return Response.json({ caller: auth.clientId });
  },
};
