import { TokenRequestError } from 'oauth-resource-server/client';
import {
  type AuthorizationServer,
  TOKEN_LIFETIME_SECONDS,
} from '../authorization-servers/authorization-server.js';
import { runNightlyJob, runStockReports } from './callers.js';
import { type Chapter, type Finding, finding, type PairRow, play } from './chapter.js';
import { PLACED, UNAVAILABLE } from './orders.js';
import type { System } from './system.js';
import { difference } from './tally.js';

/** At every order service, before and after each event. */
const SOME_ORDERS = 8;
/**
 * Access tokens of this age are due for renewal (the last 10 % of their life), and still good for a while.
 */
export const DUE_FOR_RENEWAL_SECONDS = TOKEN_LIFETIME_SECONDS * 0.9 + 5;

/** Plays the chapters one after the other. */
export async function* playChapters(
  system: System,
  authorizationServer: AuthorizationServer,
): AsyncGenerator<Chapter> {
  yield await ordersComeIn(system);
  yield await tokensGrowOld(system);
  yield await killedAndStartedAgain(system, authorizationServer);
  yield await goneForLong(system, authorizationServer);
  yield await backWithAnotherKey(system, authorizationServer);
}

function ordersComeIn(system: System): Promise<Chapter> {
  return play(system, {
    title: 'Orders come in',
    async happen({ orders, note }) {
      orders.start();
      await orders.more(SOME_ORDERS);
      await orders.stop();
      const counted = await runNightlyJob(system);
      note(`the nightly-job counts ${counted} orders`);
      const report = await runStockReports(system);
      note(`the stock-report prints "${report}"`);
      return [
        finding('the nightly-job counts every order', counted === system.book.placed),
        finding('the stock-report reads from every inventory-service', report !== undefined),
        finding(
          'the web-shop called all order-services with one access token',
          system.webShopTally.counts.tokens === 1,
        ),
      ];
    },
    expect: (rows) => [
      noneFailed(rows),
      finding(
        'each order-service made all of its calls with one access token',
        rows.every(({ tokens, refused }) => tokens === 1 && refused === 0),
      ),
    ],
  });
}

function tokensGrowOld(system: System): Promise<Chapter> {
  return play(system, {
    title: 'Access tokens grow old while orders come in',
    async happen({ orders, note, untilEach }) {
      orders.start();
      await orders.more(SOME_ORDERS);
      system.clock.advance(DUE_FOR_RENEWAL_SECONDS);
      note(
        `the access tokens of the order-services are ${DUE_FOR_RENEWAL_SECONDS} of ${TOKEN_LIFETIME_SECONDS} seconds old`,
      );
      await untilEach('has a new access token', ({ tokens }) => tokens > 0);
      note('every order-service has a new one');
      await orders.more(SOME_ORDERS);
      return [];
    },
    expect: (rows) => [
      noneFailed(rows),
      finding(
        'each order-service got one new access token, and none of its calls was refused',
        rows.every(({ tokens, refused }) => tokens === 1 && refused === 0),
      ),
    ],
  });
}

function killedAndStartedAgain(system: System, authorizationServer: AuthorizationServer): Promise<Chapter> {
  return play(system, {
    title: 'The authorization server is killed when access tokens are due for renewal, and started again',
    async happen({ orders, note, untilEach }) {
      orders.start();
      await orders.more(SOME_ORDERS);
      await authorizationServer.kill();
      note('the authorization server is killed');
      system.clock.advance(DUE_FOR_RENEWAL_SECONDS);
      await untilEach('has missed the authorization server', ({ unanswered }) => unanswered > 0);
      note('every order-service has asked for a new access token in vain');
      const failure = await runNightlyJob(system);
      const isNamed = failure instanceof TokenRequestError && failure.transient;
      note(`the nightly-job starts and has no access token: ${isNamed ? failure.message : failure}`);
      await orders.more(SOME_ORDERS);

      await authorizationServer.start();
      note('the authorization server is started again');
      await untilEach('has a new access token', ({ tokens }) => tokens > 0);
      note('every order-service has a new access token');
      await orders.more(SOME_ORDERS);
      await orders.stop();
      const counted = await runNightlyJob(system);
      note(`the nightly-job is started again and counts ${counted} orders`);
      return [
        finding('the nightly-job ended with an error that says so', isNamed),
        finding('started again it counts every order', counted === system.book.placed),
      ];
    },
    expect: (rows) => [
      noneFailed(rows),
      finding(
        'each order-service went on with the access token that it had until it got one new one',
        rows.every(({ unanswered, tokens, refused }) => unanswered > 0 && tokens === 1 && refused === 0),
      ),
    ],
  });
}

function goneForLong(system: System, authorizationServer: AuthorizationServer): Promise<Chapter> {
  return play(system, {
    title: 'The authorization server is gone for longer than access tokens live',
    async happen({ orders, note }) {
      await authorizationServer.kill();
      note('the authorization server is killed');
      system.clock.advance(TOKEN_LIFETIME_SECONDS);
      note('the access tokens of the order-services expire');
      const meanwhile = await orders.once();
      note('an order is sent to each of them');
      await authorizationServer.start();
      note('the authorization server is started again');
      system.clock.advance(Math.max(...meanwhile.map(retryAfterOf)));
      const afterwards = await orders.once();
      note('when the time of Retry-After is over, another order is sent to each of them');
      return [
        finding(
          'without access token an order is answered with 503 and Retry-After',
          meanwhile.every((outcome) => UNAVAILABLE.test(outcome)),
        ),
        finding(
          'the first order afterwards is placed',
          afterwards.every((outcome) => outcome === PLACED),
        ),
      ];
    },
    expect: (rows) => [
      finding(
        'each order-service got one new access token',
        rows.every(({ tokens }) => tokens === 1),
      ),
    ],
  });
}

function backWithAnotherKey(system: System, authorizationServer: AuthorizationServer): Promise<Chapter> {
  return play(system, {
    title: 'The authorization server is killed while orders come in, and comes back with another key',
    async happen({ orders, note, untilEach }) {
      const { webShopTally, watch } = system;
      const before = webShopTally.counts;
      const tokensOfWebShop = (): number => difference(webShopTally.counts, before).tokens;
      orders.start();
      await orders.more(SOME_ORDERS);
      await authorizationServer.kill();
      note('the authorization server is killed');
      await authorizationServer.start({ newKey: true });
      note('it is started again with another key');

      // A service notices when it meets an access token of the new key. Then it knows the old key no more.
      const report = await runStockReports(system);
      note('the stock-report comes to every inventory-service with an access token of the new key');
      await untilEach('has replaced its access token', ({ tokens }) => tokens > 0);
      note('every order-service has replaced its access token');
      const counted = await runNightlyJob(system);
      note('the nightly-job comes to every order-service with an access token of the new key');
      await watch.until('the web-shop has replaced its access token', () => tokensOfWebShop() > 0);
      note('the web-shop has replaced its access token');
      await orders.more(SOME_ORDERS);
      return [
        finding('the new key opens every inventory-service', report !== undefined),
        finding('the new key opens every order-service', typeof counted === 'number'),
        finding('the web-shop got one new access token for all order-services', tokensOfWebShop() === 1),
      ];
    },
    expect: (rows) => [
      noneFailed(rows),
      finding(
        'each order-service met one 401, got one new access token, and sent that call again',
        rows.every(({ refused, tokens }) => refused === 1 && tokens === 1),
      ),
    ],
  });
}

function noneFailed(rows: readonly PairRow[]): Finding {
  return finding(
    'no order failed',
    rows.every(({ placed, failures }) => placed > 0 && failures.length === 0),
  );
}

/** `"503, Retry-After: 2"` → 2 */
function retryAfterOf(outcome: string): number {
  return Number(UNAVAILABLE.exec(outcome)?.[1] ?? 0);
}
