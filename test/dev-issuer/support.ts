import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type DevIssuer,
  type DevIssuerOptions,
  type DevIssuerSurroundings,
  startDevIssuer,
} from '../../tools/dev-issuer/index.js';
import { type RawResponse, send } from '../support/http-client.js';

export const inventory = 'https://inventory.example.com';
export const billing = 'https://billing.example.com';

/** One client, two APIs. */
const usual: DevIssuerOptions = {
  port: 0,
  algorithm: 'ES256',
  audience: [inventory, billing],
  clients: [
    { clientId: 'order-service', clientSecret: 'dev-secret', scopes: ['read:inventory', 'write:orders'] },
    { clientId: 'inventory-service', clientSecret: 'api-secret' },
  ],
};

/** A development issuer on a free port, until the test ends. A fault of its own fails the test. */
export async function start(
  options: DevIssuerOptions = {},
  surroundings: DevIssuerSurroundings = {},
): Promise<DevIssuer> {
  const faults: unknown[] = [];
  const issuer = await startDevIssuer(
    { ...usual, ...options },
    { onFault: (fault) => faults.push(fault), ...surroundings },
  );
  onTestFinished(async () => {
    await issuer.close();
    if (faults.length > 0) throw faults[0];
  });
  return issuer;
}

export type Parameters = readonly (readonly [name: string, value: string])[];

export const basic = (clientId: string, secret: string): readonly [name: string, value: string] => [
  'Authorization',
  `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
];

/** The usual credentials of the order service. */
export const credentials: readonly [name: string, value: string] = basic('order-service', 'dev-secret');

export const FORM: readonly [name: string, value: string] = [
  'Content-Type',
  'application/x-www-form-urlencoded',
];

/** Posts a form, just as it is given. */
export function post(
  endpoint: string,
  parameters: Parameters | string,
  headers: Parameters = [credentials],
): Promise<RawResponse> {
  const { origin, pathname, search } = new URL(endpoint);
  const body =
    typeof parameters === 'string'
      ? parameters
      : new URLSearchParams(parameters.map(([...pair]) => pair)).toString();
  return send(origin, { method: 'POST', path: `${pathname}${search}`, headers: [FORM, ...headers], body });
}

/** Posts JSON, as the page does. */
export function postJson(
  issuer: DevIssuer,
  path: string,
  body: unknown,
  headers: Parameters = [],
): Promise<RawResponse> {
  return send(issuer.issuer, {
    method: 'POST',
    path,
    headers: [['Content-Type', 'application/json'], ...headers],
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** An access token for the order service. */
export async function getToken({ tokenEndpoint }: DevIssuer, parameters: Parameters = []): Promise<string> {
  const { body } = await post(tokenEndpoint, [['grant_type', 'client_credentials'], ...parameters]);
  return JSON.parse(body).access_token;
}

/** The JSON document at a URL; tests say what they expect in it. */
export async function getJson(url: string) {
  const response = await fetch(url);
  return JSON.parse(await response.text());
}

/** A server on a free port of the loopback interface, until the test ends. */
export async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server that listens has one
}

/** A new folder, until the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-issuer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
