import { isJsonObject } from '../../src/token/compact-jws.js';
import { describeToken } from './describe-token.js';
import {
  fromThisMachineOnly,
  type Members,
  optionalText,
  readMembers,
  requiredText,
} from './dev-requests.js';
import { decideGrant, type Grant } from './grant.js';
import { jsonAnswer, refusal } from './http.js';
import { endpointsOf } from './metadata.js';
import type { DevClient } from './options.js';
import type { Route } from './router.js';
import { settingsToPaste } from './settings-to-paste.js';
import type { TokenMint } from './token-mint.js';
import { loopbackUrlOf, sendTry, tryMethods } from './try-request.js';

/** What forgeries use, beside nothing at all. */
const TRY_HEADERS: readonly string[] = ['Authorization', 'Cookie', 'Proxy-Authorization'];

export interface DevEndpointsOptions {
  readonly issuer: string;
  readonly clients: readonly DevClient[];
  readonly mint: TokenMint;
  /** Key ids that are published, the one that signs first. */
  readonly keyIds: () => readonly string[];
  readonly rotateKeys: (keepPrevious: boolean) => Promise<void>;
}

/** What the page talks to. None of it is part of any standard, and no application should use it. */
export function devRoutes(options: DevEndpointsOptions): readonly (readonly [path: string, route: Route])[] {
  return [
    ['/dev/settings', { GET: fromThisMachineOnly(async () => jsonAnswer(200, await settings(options))) }],
    [
      '/dev/token',
      {
        POST: fromThisMachineOnly(async (request) => {
          const members = await readMembers(request, ['clientId', 'scope', 'audience', 'forgery']);
          return jsonAnswer(200, await mintFor(members, options));
        }),
      },
    ],
    [
      '/dev/keys',
      {
        POST: fromThisMachineOnly(async (request) => {
          const { keepPrevious = false } = await readMembers(request, ['keepPrevious']);
          if (typeof keepPrevious !== 'boolean')
            throw refusal(400, 'invalid_request', 'keepPrevious is neither true nor false');
          await options.rotateKeys(keepPrevious);
          return jsonAnswer(200, { keyIds: options.keyIds() });
        }),
      },
    ],
    [
      '/dev/try',
      {
        POST: fromThisMachineOnly(async (request) =>
          jsonAnswer(200, await tryApi(await readMembers(request, ['url', 'method', 'headers']))),
        ),
      },
    ],
  ];
}

async function settings({ issuer, clients, mint, keyIds }: DevEndpointsOptions): Promise<object> {
  return {
    issuer,
    endpoints: endpointsOf(issuer),
    algorithm: mint.algorithm,
    lifetimeSeconds: mint.lifetimeSeconds,
    keyIds: keyIds(),
    methods: tryMethods,
    clients: clients.map((client) => ({
      clientId: client.clientId,
      scopes: client.scopes,
      audience: client.audience,
      paste: settingsToPaste(issuer, client),
    })),
    forgeries: await nameForgeries(clients, mint),
  };
}

/** Without a scope some forgeries do not exist: the client with the most scopes shows them all. */
async function nameForgeries(clients: readonly DevClient[], mint: TokenMint): Promise<readonly object[]> {
  const [client] = clients.toSorted((one, other) => other.scopes.length - one.scopes.length);
  if (client === undefined) return [];
  const forgeries = await mint.forgeries(client, decideGrant(client, { scope: undefined, targets: [] }));
  return forgeries.map(({ name, status, reason }) => ({ name, status, reason }));
}

async function mintFor(members: Members, { clients, mint }: DevEndpointsOptions): Promise<object> {
  const clientId = requiredText(members, 'clientId');
  const client = clients.find((one) => one.clientId === clientId);
  if (client === undefined) throw refusal(400, 'invalid_request', 'there is no such client');
  const audience = optionalText(members, 'audience');
  const forgery = optionalText(members, 'forgery');
  const grant = decideGrant(client, {
    scope: optionalText(members, 'scope'),
    targets: audience === undefined ? [] : [audience],
  });
  return forgery === undefined ? mintGenuine(client, grant, mint) : forge(forgery, client, grant, mint);
}

async function mintGenuine(client: DevClient, grant: Grant, mint: TokenMint): Promise<object> {
  const token = await mint.token(client, grant);
  return { headers: { Authorization: `Bearer ${token}` }, ...describeToken(token) };
}

async function forge(name: string, client: DevClient, grant: Grant, mint: TokenMint): Promise<object> {
  const forgeries = await mint.forgeries(client, grant);
  const forgery = forgeries.find((one) => one.name === name);
  if (forgery === undefined)
    throw refusal(400, 'invalid_request', 'there is no such forgery of a token with these scopes');
  const { headers, status, reason } = forgery;
  const [, token] = /^Bearer (.*)$/s.exec(headers.Authorization ?? '') ?? [];
  return { headers, expected: { status, reason }, ...(token === undefined ? {} : describeToken(token)) };
}

async function tryApi(members: Members): Promise<object> {
  const url = loopbackUrlOf(requiredText(members, 'url'));
  if (url === undefined)
    throw refusal(
      400,
      'invalid_request',
      'url is not an http or https URL of localhost, 127.0.0.0/8 or [::1]',
    );
  const method = optionalText(members, 'method') ?? 'GET';
  if (!tryMethods.includes(method))
    throw refusal(400, 'invalid_request', `method is none of ${tryMethods.join(', ')}`);
  const headers = headersOf(members.headers ?? {});
  try {
    return await sendTry({ url, method, headers });
  } catch (error) {
    if (error instanceof TypeError)
      throw refusal(400, 'invalid_request', 'headers has a value that HTTP cannot carry');
    throw error;
  }
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) throw refusal(400, 'invalid_request', 'headers is not an object');
  for (const name of Object.keys(value)) {
    if (!TRY_HEADERS.includes(name))
      throw refusal(400, 'invalid_request', `headers takes ${TRY_HEADERS.join(', ')}`);
    requiredText(value, name);
  }
  return value as Record<string, string>; // every member was looked at in the loop above
}
