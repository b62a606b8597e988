import { expect, it } from 'vitest';
import type { DevIssuer, ServedRequest } from '../../tools/dev-issuer/index.js';
import { send } from '../support/http-client.js';
import {
  basic,
  credentials,
  getToken,
  inventory,
  type Parameters,
  post,
  postJson,
  start,
} from './support.js';

const GRANT: Parameters = [['grant_type', 'client_credentials']];

/** Lines as `POST /token 200 order-service, …`. */
function logged(requests: readonly ServedRequest[]): readonly string[] {
  return requests.map(({ method, path, status, notes }) =>
    `${method} ${path} ${status} ${notes.join(', ')}`.trimEnd(),
  );
}

async function startLogged() {
  const requests: ServedRequest[] = [];
  const issuer = await start({}, { onRequest: (request) => requests.push(request) });
  return { issuer, requests };
}

it('names client, grant and scope of a token, and why a request was refused', async () => {
  const { issuer, requests } = await startLogged();
  const { tokenEndpoint } = issuer;
  await getToken(issuer, [['scope', 'read:inventory']]);
  await post(tokenEndpoint, GRANT, [basic('inventory-service', 'api-secret')]);
  await post(tokenEndpoint, GRANT, [basic('order-service', 'wrong')]);
  await post(tokenEndpoint, GRANT, [basic('somebody', 'wrong')]);
  await post(tokenEndpoint, [...GRANT, ['scope', 'admin']]);
  await post(tokenEndpoint, [['grant_type', 'password']]);
  await post(tokenEndpoint, GRANT, []);
  await send(issuer.issuer, { path: '/token' });
  expect(logged(requests)).toEqual([
    `POST /token 200 order-service, client_credentials, scope read:inventory, for ${inventory}`,
    `POST /token 200 inventory-service, client_credentials, no scope, for ${inventory}`,
    'POST /token 401 order-service, invalid_client: unknown client or wrong secret',
    'POST /token 401 unknown client, invalid_client: unknown client or wrong secret',
    'POST /token 400 order-service, client_credentials, ' +
      'invalid_scope: the client may have these scopes: read:inventory write:orders',
    'POST /token 400 order-service, unsupported_grant_type: there is no such grant here',
    'POST /token 401 invalid_client: no client authentication',
    'GET /token 405 invalid_request: this path takes POST',
  ]);
});

it('tells what introspection, the documents and the page answered', async () => {
  const { issuer, requests } = await startLogged();
  const token = await getToken(issuer);
  requests.length = 0;
  await post(issuer.introspectionEndpoint, [['token', token]]);
  await post(issuer.introspectionEndpoint, [['token', 'x']]);
  await send(issuer.issuer, { path: '/jwks' });
  const clientId = 'order-service';
  await postJson(issuer, '/dev/token', { clientId, scope: '' });
  await postJson(issuer, '/dev/token', { clientId, forgery: 'exp in the past' });
  await postJson(issuer, '/dev/keys', { keepPrevious: true });
  await postJson(issuer, '/dev/try', { url: `${issuer.issuer}/jwks?token=${token}` });
  await postJson(issuer, '/dev/try-forgeries', { clientId, url: 'http://127.0.0.1:1/' });
  expect(logged(requests)).toEqual([
    'POST /introspect 200 order-service, active',
    'POST /introspect 200 order-service, not active: malformed_token',
    'GET /jwks 200',
    `POST /dev/token 200 order-service, no scope, for ${inventory}`,
    'POST /dev/token 200 order-service, forgery "exp in the past"',
    'POST /dev/keys 200 new key, the old ones stay published',
    'GET /jwks 200', // what the next one sent
    `POST /dev/try 200 GET ${issuer.issuer}/jwks, answered 200`,
    'POST /dev/try-forgeries 200 order-service, GET http://127.0.0.1:1/, ' +
      'a genuine token: no answer: ECONNREFUSED, 0 forgeries',
  ]);
});

it('has no secret and no token in it, wherever a client puts them', { tags: ['OPS-01'] }, async () => {
  const { issuer, requests } = await startLogged();
  const { tokenEndpoint, introspectionEndpoint } = issuer;
  const token = await getToken(issuer);
  const secret = 'a-secret-in-the-wrong-place';
  for (const text of [token, secret]) {
    await post(`${tokenEndpoint}?client_secret=${text}`, GRANT);
    await post(tokenEndpoint, [...GRANT, ['client_id', text], ['client_secret', text]], []);
    await post(tokenEndpoint, [...GRANT, ['scope', text]]);
    await post(tokenEndpoint, [...GRANT, ['resource', text]]);
    await post(tokenEndpoint, [['grant_type', text]]);
    await post(tokenEndpoint, [...GRANT, ['client_assertion', text], ['client_assertion_type', text]], []);
    await post(tokenEndpoint, GRANT, [basic(text, text)]);
    await post(tokenEndpoint, GRANT, [credentials, ['DPoP', text]]);
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    for (const actor of [[], [['actor_token', text]]] as const)
      await post(tokenEndpoint, [
        ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        ['subject_token', text],
        ['subject_token_type', actor.length === 0 ? type : text],
        ['requested_token_type', actor.length === 0 ? '' : text],
        ...actor,
      ]);
    const bearer = ['grant_type', 'urn:ietf:params:oauth:grant-type:jwt-bearer'] as const;
    await post(tokenEndpoint, [bearer, ['assertion', text]]);
    await post(tokenEndpoint, [bearer, ['assertion', text]], []);
    await post(introspectionEndpoint, [['token', text]]);
    await postJson(issuer, '/dev/token', { clientId: text });
    await postJson(issuer, '/dev/token', { clientId: 'order-service', forgery: text });
    await postJson(issuer, '/dev/try', { url: `${issuer.issuer}/?token=${text}`, headers: { Cookie: text } });
  }
  await send(issuer.issuer, { path: `/t/${token}/x` });
  await send(issuer.issuer, { path: `/jwks?access_token=${token}`, headers: [credentials] });
  const text = JSON.stringify(requests);
  for (const part of [token, ...token.split('.'), secret, 'dev-secret', credentials[1].slice(6)])
    expect(text).not.toContain(part);
  expect(logged(requests)).toContain('GET /t/…/x 404 not_found: there is nothing at this path');
});

it('is told of what goes wrong here, too', async () => {
  const requests: ServedRequest[] = [];
  const issuer: DevIssuer = await start(
    {},
    {
      clock: () => {
        throw new RangeError('broken clock');
      },
      onFault: () => undefined,
      onRequest: (request) => requests.push(request),
    },
  );
  await post(issuer.tokenEndpoint, GRANT);
  expect(requests).toMatchObject([{ path: '/token', status: 500 }]);
});
