import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a hook and a handler get. */
export interface Context {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  /** The parsed form; undefined for any other body. */
  readonly body: Readonly<Record<string, string | string[]>> | undefined;
  /** What the client called: as a proxy says, if the router believes it. */
  readonly protocol: string;
  readonly host: string | undefined;
}

/** What it returns is sent as JSON, unless it answered itself. */
export type Handler = (context: Context) => unknown;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handler: Handler;
}

/**
 * Stands for a framework that this package doesn't know: promises, a context, and no middleware of Connect.
 */
export class Router {
  readonly #hooks: Handler[] = [];
  readonly #routes: Route[] = [];
  readonly #trustsProxies: boolean;

  constructor({ trustsProxies }: { readonly trustsProxies: boolean }) {
    this.#trustsProxies = trustsProxies;
  }

  /** Runs before the routes. The hook that answers is the last one. */
  use(hook: Handler): void {
    this.#hooks.push(hook);
  }

  /** @param path `/stock/:sku` */
  on(method: string, path: string, handler: Handler): void {
    const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    this.#routes.push({ method, pattern, handler });
  }

  readonly listener = (message: IncomingMessage, response: ServerResponse): void => {
    this.#handle(message, response).catch(() => {
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
  };

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const pathname = decodeURI(new URL(message.url ?? '/', 'http://localhost').pathname);
    const method = message.method === 'HEAD' ? 'GET' : message.method;
    const route = this.#routes.find((one) => one.method === method && one.pattern.test(pathname));
    const forwarded = this.#trustsProxies ? message.headers : {};
    const context = {
      message,
      response,
      params: route?.pattern.exec(pathname)?.groups ?? {},
      body: await readForm(message),
      protocol: String(forwarded['x-forwarded-proto'] ?? 'http'),
      host: forwarded['x-forwarded-host']?.toString() ?? message.headers.host,
    };
    for (const act of [...this.#hooks, route?.handler ?? notFound]) {
      const result = await act(context);
      if (result !== undefined)
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify(result));
      if (response.headersSent) return;
    }
  }
}

function notFound({ response }: Context): void {
  response.writeHead(404).end();
}

async function readForm(message: IncomingMessage): Promise<Context['body']> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  if (!/^application\/x-www-form-urlencoded/i.test(message.headers['content-type'] ?? '')) return undefined;
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const entries = [...new Set(form.keys())].map((name): [string, string | string[]] => {
    const values = form.getAll(name);
    return [name, values.length === 1 ? String(values[0]) : values];
  });
  return Object.fromEntries(entries);
}
