import { honoApplication } from '../../http/harnesses/hono-application.js';
import { serveOnDemand } from './control.js';

/** What's used of the server that Deno has. */
interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}
declare const Deno: {
  serve(
    options: { readonly hostname: string; readonly port: number; onListen(): void },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname: string } },
    ) => Response | Promise<Response>,
  ): DenoServer;
};

serveOnDemand({
  name: 'hono',
  async start(options, settings) {
    const { fetch, handled } = honoApplication(options, settings);
    const place = { hostname: '127.0.0.1', port: 0, onListen: () => undefined };
    const server = Deno.serve(place, (request, { remoteAddr }) =>
      fetch(request, { remoteAddress: remoteAddr.hostname }),
    );
    return { url: `http://127.0.0.1:${server.addr.port}`, handled, close: () => server.shutdown() };
  },
});
