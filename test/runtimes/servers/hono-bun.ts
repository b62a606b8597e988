import { honoApplication } from '../../http/harnesses/hono-application.js';
import { serveOnDemand } from './control.js';

/** What's used of the server that Bun has. */
interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  stop(closesConnections: boolean): Promise<void>;
}
declare const Bun: {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    fetch(request: Request, server: BunServer): Response | Promise<Response>;
  }): BunServer;
};

serveOnDemand({
  name: 'hono',
  async start(options, settings) {
    const { fetch, handled } = honoApplication(options, settings);
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request, self) => fetch(request, { remoteAddress: self.requestIP(request)?.address }),
    });
    return { url: `http://127.0.0.1:${server.port}`, handled, close: () => server.stop(true) };
  },
});
