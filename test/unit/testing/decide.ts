import { requirementOfScopes } from '../../../src/requirement/requirement.js';
import { createResourceServer, type ResourceServer } from '../../../src/resource-server.js';
import type { TestIssuer } from '../../../src/testing/index.js';

export const scope = 'read:inventory';

/** What a request to a route that requires `read:inventory` gets: `200`, or status and reason. */
export async function decide(
  server: ResourceServer,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const request = new Request('https://api.example.com/stock/42', { headers: { ...headers } });
  let decision = await server.authenticate(request);
  if (decision.kind === 'allowed') decision = server.authorize(decision.auth, requirementOfScopes([scope]));
  return decision.kind === 'allowed' ? '200' : `${decision.answer.status} ${decision.error.reason}`;
}

/** A clock that stands still until it is moved. */
export function steppedClock(): { readonly clock: () => number; step(seconds: number): void } {
  let now = Date.parse('2030-01-01T00:00:00Z');
  return {
    clock: () => now,
    step(seconds) {
      now += seconds * 1000;
    },
  };
}

/** A resource server that trusts `issuer`. */
export function trusting(issuer: Pick<TestIssuer, 'options'>): ResourceServer {
  return createResourceServer(issuer.options);
}
