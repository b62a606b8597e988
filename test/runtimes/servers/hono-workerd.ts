import type { FetchApplication } from '../../http/harnesses/fetch-application.js';
import { honoApplication } from '../../http/harnesses/hono-application.js';
import { type Setup, setupOptions } from './setup.js';

let application: FetchApplication | undefined;

/** A Worker. Each configuration of the contract is one, told apart by its binding. */
export default {
  fetch(request: Request, { setup }: { readonly setup: Setup }): Response | Promise<Response> {
    application ??= honoApplication(setupOptions(setup), setup);
    if (request.url.endsWith('/-/handled')) return Response.json(application.handled());
    // A Worker isn't told who connects to it, and has no certificate of the client.
    return application.fetch(request, {});
  },
};
