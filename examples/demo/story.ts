import {
  BILLING,
  INVENTORY,
  startAuthorizationServer,
  TOKEN_LIFETIME_SECONDS,
} from './authorization-server.js';
import { type Check, type Expectation, perform, type Row } from './check.js';
import { createClock } from './clock.js';
import { type Service, startInventoryServices } from './frameworks.js';
import { createOrderService, type OrderService } from './order-service.js';

const ORDER_SERVICE = { clientId: 'order-service', clientSecret: 'only-for-the-demo' };

/** Plays the demo: an order service calls an inventory service, in good times and in bad. */
export async function runDemo(): Promise<readonly Row[]> {
  const authorizationServer = await startAuthorizationServer(ORDER_SERVICE);
  const { issuer } = authorizationServer;
  const clock = createClock();
  const running: Service[] = [];
  const startServices = async (): Promise<readonly Service[]> => {
    const services = await startInventoryServices({ issuer, audience: INVENTORY, clock: clock.now });
    running.push(...services);
    return services;
  };

  try {
    const tokens = await getTokens(await createOrderService(issuer, ORDER_SERVICE));
    const services = await startServices();
    const rows = [...(await perform(services, 'authorization server running', everyday(tokens)))];

    await authorizationServer.stop();
    rows.push(...(await perform(services, 'authorization server stopped', [acceptedUnseen(tokens)])));
    const lateServices = await startServices();
    rows.push(
      ...(await perform(lateServices, 'still stopped, and the service started anew', [unavailable(tokens)])),
    );

    await authorizationServer.start();
    clock.advance(Math.max(...rows.map((row) => row.outcome.retryAfterSeconds)));
    rows.push(...(await perform(lateServices, 'authorization server running again', [accepted(tokens)])));

    clock.advance(TOKEN_LIFETIME_SECONDS + 60);
    rows.push(...(await perform(services, '11 minutes later', [expired(tokens)])));
    return rows;
  } finally {
    await Promise.all([authorizationServer.stop(), ...running.map((service) => service.stop())]);
  }
}

interface Tokens {
  readonly reading: string;
  /** Like `reading`, but first shown to a service when the authorization server is stopped. */
  readonly unseen: string;
  readonly readingAndWriting: string;
  readonly forBilling: string;
}

async function getTokens(orderService: OrderService): Promise<Tokens> {
  return {
    reading: await orderService.getAccessToken(INVENTORY, 'read:inventory'),
    unseen: await orderService.getAccessToken(INVENTORY, 'read:inventory'),
    readingAndWriting: await orderService.getAccessToken(INVENTORY, 'read:inventory write:orders'),
    forBilling: await orderService.getAccessToken(BILLING, 'read:inventory'),
  };
}

const STOCK = 'GET /stock/42';
const ORDERS = 'POST /orders';
const IN_STOCK = { status: 200, answer: '{"sku":"42","inStock":7,"caller":"order-service"}' };
const ORDERED = { status: 201, answer: '{"accepted":true,"caller":"order-service"}' };

function everyday(tokens: Tokens): readonly Check[] {
  return [
    {
      request: 'GET /health',
      token: 'none, the route is public',
      expected: { status: 200, answer: '{"status":"ok"}' },
    },
    accepted(tokens),
    {
      request: STOCK,
      token: 'none',
      expected: { status: 401, answer: 'Bearer' },
    },
    {
      request: STOCK,
      token: 'read:inventory, another API',
      accessToken: tokens.forBilling,
      expected: refused('The access token was issued for another audience'),
    },
    {
      request: ORDERS,
      token: 'write:orders, forged',
      accessToken: withForgedScope(tokens.reading, 'read:inventory write:orders'),
      expected: refused('The access token signature is invalid'),
    },
    {
      request: ORDERS,
      token: 'read:inventory',
      accessToken: tokens.reading,
      expected: {
        status: 403,
        answer: 'Bearer error="insufficient_scope", scope="write:orders"',
        description: 'The access token lacks a required scope',
      },
    },
    {
      request: ORDERS,
      token: 'read:inventory write:orders',
      accessToken: tokens.readingAndWriting,
      expected: ORDERED,
    },
  ];
}

function accepted({ reading }: Tokens): Check {
  return { request: STOCK, token: 'read:inventory', accessToken: reading, expected: IN_STOCK };
}

function acceptedUnseen({ unseen }: Tokens): Check {
  return { request: STOCK, token: 'read:inventory, a new one', accessToken: unseen, expected: IN_STOCK };
}

function unavailable({ reading }: Tokens): Check {
  const expected = { status: 503, answer: /^Retry-After: [1-9]\d*$/ };
  return { request: STOCK, token: 'read:inventory', accessToken: reading, expected };
}

function expired({ reading }: Tokens): Check {
  const expected = refused('The access token expired');
  return { request: STOCK, token: 'read:inventory, expired', accessToken: reading, expected };
}

function refused(description: string): Expectation {
  return { status: 401, answer: 'Bearer error="invalid_token"', description };
}

/** Writes another scope into the claims of a JWT and keeps the signature. */
function withForgedScope(token: string, scope: string): string {
  const [header, claims = '', signature] = token.split('.');
  const forged = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), scope };
  return [header, Buffer.from(JSON.stringify(forged)).toString('base64url'), signature].join('.');
}
