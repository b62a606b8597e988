import {
  type AuthorizationServer,
  INVENTORY,
  STOCK_REPORT,
} from '../authorization-servers/authorization-server.js';
import { type Chapter, finding, play } from '../system/chapter.js';
import { DUE_FOR_RENEWAL_SECONDS } from '../system/chapters.js';
import { getAccessToken } from '../what-opens/get-access-token.js';
import type { Chain } from './chain.js';

/** How many orders are on their way at the same time. */
const LINES = 4;
/** Before and after each event. */
const SOME_ORDERS = 12;

/** Each in turn is killed and started again while orders go through all of the services. */
export function killOneAfterTheOther(
  chain: Chain,
  authorizationServer: AuthorizationServer,
): Promise<Chapter> {
  const { inventory, warehouse, inventoryTally, clock, seenByWarehouse } = chain;
  return play(chain, {
    title: 'On behalf of the caller: each service behind the order-service is killed, and started again',
    async happen({ orders, note, untilEach }) {
      orders.start(LINES);
      await orders.more(SOME_ORDERS);
      await authorizationServer.kill();
      note('the authorization server is killed');
      clock.advance(DUE_FOR_RENEWAL_SECONDS);
      await untilEach('has missed the authorization server', ({ unanswered }) => unanswered > 0);
      note('the order-service has asked for a new access token in vain');
      await orders.more(SOME_ORDERS);
      await authorizationServer.start();
      note('the authorization server is started again');
      await untilEach('has a new access token', ({ tokens }) => tokens > 1);
      note('the order-service has a new access token');
      await orders.more(SOME_ORDERS);

      for (const [name, service] of Object.entries({ inventory, warehouse })) {
        await service.kill();
        note(`the ${name}-service is killed`);
        await orders.more(SOME_ORDERS);
        await service.start();
        note(`the ${name}-service is started again`);
        await orders.more(SOME_ORDERS);
      }
      await orders.stop();

      const forReports = await getAccessToken(chain.issuer, STOCK_REPORT, INVENTORY, 'read:inventory');
      const headers = { authorization: `Bearer ${forReports}` };
      const response = await fetch(`${inventory.origin}/stock/42`, { headers });
      const challenge = response.headers.get('www-authenticate') ?? '';
      await response.arrayBuffer();
      note(`a token that isn't for the warehouse too cannot be exchanged: ${response.status}`);

      const callersTokens = bearerTokens(inventory.received);
      const tokens = bearerTokens(warehouse.received);
      return [
        finding(
          `the warehouse-service was called for ${[...seenByWarehouse].join(' and ')}`,
          [...seenByWarehouse].join() === 'order-service, by inventory-service',
        ),
        finding(
          'no access token of the order-service came to the warehouse-service',
          callersTokens.size > 1 &&
            warehouse.received.length > 0 &&
            ![...callersTokens].some((token) =>
              warehouse.received.some((request) => request.includes(token)),
            ),
        ),
        finding(
          'the inventory-service exchanged each access token once, and once more when it had been killed',
          tokens.size === 3 && inventoryTally.counts.tokens === 5 && inventoryTally.counts.refused === 0,
        ),
        finding(
          'an exchange that is refused is answered with 403',
          response.status === 403 && challenge.includes('does not allow this API to act on behalf'),
        ),
      ];
    },
    expect: (rows) => [
      finding(
        'no order failed but those that met a killed service, with 503 and Retry-After',
        rows.every(({ placed, failures, lost }) => placed > 0 && failures.length > 0 && lost === 0),
      ),
      finding(
        'the order-service got one new access token, and none of its calls was refused',
        rows.every(({ tokens, refused }) => tokens === 2 && refused === 0),
      ),
    ],
  });
}

/** What requests have in `Authorization`, each once. */
function bearerTokens(requests: readonly string[]): ReadonlySet<string> {
  return new Set(requests.map((request) => /\nBearer (\S+)/.exec(request)?.[1] ?? '(none)'));
}
