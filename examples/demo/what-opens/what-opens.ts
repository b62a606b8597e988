import {
  type AuthorizationServer,
  INVENTORY,
  ORDER_SERVICE,
  ORDERS,
  TOKEN_LIFETIME_SECONDS,
  WEB_SHOP,
} from '../authorization-servers/authorization-server.js';
import { createClock } from '../clock.js';
import { type Service, startInventoryServices } from '../frameworks.js';
import { type Check, type Expectation, perform, type Row } from './check.js';
import { getAccessToken } from './get-access-token.js';

/**
 * Shows the inventory service good access tokens and bad ones, in good times and in bad, on every framework.
 */
export async function showWhatOpens(authorizationServer: AuthorizationServer): Promise<readonly Row[]> {
  const { issuer } = authorizationServer;
  const clock = createClock();
  const running: Service[] = [];
  const startServices = async (): Promise<readonly Service[]> => {
    const services = await startInventoryServices({ issuer, audience: INVENTORY, clock: clock.now });
    running.push(...services);
    return services;
  };

  try {
    const tokens = await getTokens(issuer);
    const services = await startServices();
    const rows = [...(await perform(services, 'authorization server running', everyday(tokens)))];

    await authorizationServer.kill();
    rows.push(...(await perform(services, 'authorization server killed', [acceptedUnseen(tokens)])));
    const lateServices = await startServices();
    rows.push(
      ...(await perform(lateServices, 'still down, and the service started anew', [unavailable(tokens)])),
    );

    await authorizationServer.start();
    clock.advance(Math.max(...rows.map((row) => row.outcome.retryAfterSeconds)));
    rows.push(
      ...(await perform(lateServices, 'authorization server running again', [
        accepted(tokens, 'authorization server back'),
      ])),
    );

    clock.advance(TOKEN_LIFETIME_SECONDS + 60);
    rows.push(...(await perform(services, '11 minutes later', [expired(tokens)])));
    return rows;
  } finally {
    await Promise.all(running.map((service) => service.stop()));
  }
}

interface Tokens {
  readonly reading: string;
  /** Like `reading`, but first shown to a service when the authorization server is down. */
  readonly unseen: string;
  readonly readingAndWriting: string;
  readonly forOrders: string;
}

async function getTokens(issuer: string): Promise<Tokens> {
  return {
    reading: await getAccessToken(issuer, ORDER_SERVICE, INVENTORY, 'read:inventory'),
    unseen: await getAccessToken(issuer, ORDER_SERVICE, INVENTORY, 'read:inventory'),
    readingAndWriting: await getAccessToken(
      issuer,
      ORDER_SERVICE,
      INVENTORY,
      'read:inventory write:inventory',
    ),
    forOrders: await getAccessToken(issuer, WEB_SHOP, ORDERS, 'write:orders'),
  };
}

const STOCK = 'GET /stock/42';
const RESERVATIONS = 'POST /stock/42/reservations';
const IN_STOCK = { status: 200, answer: '{"sku":"42","inStock":7,"caller":"order-service"}' };
const RESERVED = { status: 201, answer: '{"sku":"42","reserved":1,"caller":"order-service"}' };

function everyday(tokens: Tokens): readonly Check[] {
  return [
    {
      summary: 'public route, no token',
      request: 'GET /health',
      token: 'none, the route is public',
      expected: { status: 200, answer: '{"status":"ok"}' },
    },
    accepted(tokens, 'token with read:inventory'),
    {
      summary: 'no token',
      request: STOCK,
      token: 'none',
      expected: { status: 401, answer: 'Bearer' },
    },
    {
      summary: 'token for another API',
      request: STOCK,
      token: "the web-shop's, passed on",
      accessToken: tokens.forOrders,
      expected: refused('The access token is not for this API'),
    },
    {
      summary: 'token with a forged scope',
      request: RESERVATIONS,
      token: 'write:inventory, forged',
      accessToken: withForgedScope(tokens.reading, 'read:inventory write:inventory'),
      expected: refused('The access token signature is invalid'),
    },
    {
      summary: 'token without the scope',
      request: RESERVATIONS,
      token: 'read:inventory',
      accessToken: tokens.reading,
      expected: {
        status: 403,
        answer: 'Bearer error="insufficient_scope", scope="write:inventory"',
        description: 'The access token lacks a required scope',
      },
    },
    {
      summary: 'token with write:inventory',
      request: RESERVATIONS,
      token: 'read:inventory write:inventory',
      accessToken: tokens.readingAndWriting,
      expected: RESERVED,
    },
  ];
}

function accepted({ reading }: Tokens, summary: string): Check {
  return { summary, request: STOCK, token: 'read:inventory', accessToken: reading, expected: IN_STOCK };
}

function acceptedUnseen({ unseen }: Tokens): Check {
  return {
    summary: 'authorization server killed, new token',
    request: STOCK,
    token: 'read:inventory, a new one',
    accessToken: unseen,
    expected: IN_STOCK,
  };
}

function unavailable({ reading }: Tokens): Check {
  const expected = { status: 503, answer: /^Retry-After: [1-9]\d*$/ };
  return {
    summary: 'still down, and the API restarted',
    request: STOCK,
    token: 'read:inventory',
    accessToken: reading,
    expected,
  };
}

function expired({ reading }: Tokens): Check {
  const expected = refused('The access token expired');
  return {
    summary: '11 minutes later, token expired',
    request: STOCK,
    token: 'read:inventory, expired',
    accessToken: reading,
    expected,
  };
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
