/** What a host answers: a value is JSON with status 200. */
export type Page = (() => Response | Promise<Response>) | Readonly<Record<string, unknown>>;

/**
 * A stand-in for the web, for hosts that a test cannot have: https, other names. Addresses without page
 * answer 404.
 */
export interface SimulatedWeb {
  /** For the option `fetch`. */
  readonly fetch: typeof globalThis.fetch;
  /** Every address that was asked for, in order. */
  readonly visited: readonly string[];
}

export function simulateWeb(pages: Readonly<Record<string, Page>>): SimulatedWeb {
  const known = new Map(Object.entries(pages));
  const visited: string[] = [];
  const fetch = async (input: string | URL | Request): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    visited.push(url);
    const page = known.get(url);
    if (page === undefined) return new Response(null, { status: 404 });
    return typeof page === 'function' ? page() : Response.json(page);
  };
  return { fetch, visited };
}
