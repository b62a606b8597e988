import type { PolicyDocument } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { type AuthorizerEvent, createAuthorizer } from '../../examples/lambda/authorizer.js';
import type { HttpEvent, Result } from '../../examples/lambda/http-event.js';
import { createInventory } from '../../examples/lambda/inventory.js';
import type { ResourceServerOptions } from '../../src/index.js';
import { createClientCertificate, createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { describeInventory, type Inventory } from './inventory-rows.js';
import {
  ARN,
  type Arriving,
  EXECUTE_API,
  proxyEvent,
  proxyEventV2,
  requestEvent,
  requestEventV2,
  tokenEvent,
} from './lambda-events.js';
import type { Answered } from './refusals.js';

const issuer = await createTestIssuer();
const scope = 'read:inventory';

/** What API Gateway makes of a result. */
function toAnswer({ statusCode, headers = {}, multiValueHeaders = {}, body }: Result): Answered {
  const fields = new Headers(headers);
  for (const [name, values] of Object.entries(multiValueHeaders))
    for (const value of values) fields.append(name, value);
  return { status: statusCode, headers: fields, body };
}

/** API Gateway before the functions. */
async function start(
  options: ResourceServerOptions,
  toEvent: (arriving: Arriving) => HttpEvent,
  url: string,
): Promise<Inventory> {
  const { getStock, reserveStock, getMetadata } = createInventory(options);
  const handlers = new Map([
    ['/stock/42', getStock],
    ['/stock/42/reservations', reserveStock],
    ['/.well-known/oauth-protected-resource', getMetadata],
    ['/health', async () => ({ statusCode: 200, body: '{"status":"ok"}' })],
  ]);
  return {
    url,
    async send(path, { headers = {}, ...sent } = {}) {
      const handle = handlers.get(path);
      if (handle === undefined) throw new Error(`no route ${path}`);
      return toAnswer(await handle(toEvent({ ...sent, path, headers: Object.entries(headers) })));
    },
    close: async () => undefined,
  };
}

describe.each([
  ['1.0', proxyEvent, `https://${EXECUTE_API}/prod`],
  ['2.0', proxyEventV2, `https://${EXECUTE_API}`],
] as const)('the example on AWS Lambda, payload format %s', (_name, toEvent, url) => {
  describeInventory((options) => start(options, toEvent, url));

  const ask = async (arriving: Arriving, options: ResourceServerOptions = issuer.options) =>
    createInventory(options).getStock(toEvent(arriving));

  it('refuses two tokens in two lines, in whichever case their names are', async () => {
    const { Authorization: token } = await issuer.authorization({ scope });
    for (const name of ['Authorization', 'authorization']) {
      const headers = [['Authorization', token] as const, [name, token] as const];
      expect(await ask({ headers })).toMatchObject({ statusCode: 400 });
    }
  });

  it('reads a header field in whichever case its name is', async () => {
    const { Authorization: token } = await issuer.authorization({ scope });
    expect(await ask({ headers: [['AUTHORIZATION', token]] })).toMatchObject({ statusCode: 200 });
  });

  it('refuses characters that no header field has', async () => {
    expect(await ask({ headers: [['Authorization', 'Bearer \u{1f511}']] })).toMatchObject({
      statusCode: 400,
    });
  });

  it.each([true, false])('reads a token in the body, base64: %s', async (isBase64Encoded) => {
    const form = `access_token=${await issuer.token({ scope })}`;
    const options: ResourceServerOptions = { ...issuer.options, bearerMethods: ['body'] };
    const send = (text: string) =>
      ask(
        {
          method: 'POST',
          headers: [['Content-Type', 'application/x-www-form-urlencoded']],
          body: isBase64Encoded ? Buffer.from(text).toString('base64') : text,
          isBase64Encoded,
        },
        options,
      );
    expect(await send(form)).toMatchObject({ statusCode: 200 });
    expect(await send(`${form}&${form}`)).toMatchObject({ statusCode: 400 });
    expect(await send('')).toMatchObject({ statusCode: 401 });
  });

  it('compares a certificate-bound token with the certificate of the client', async () => {
    const [own, other] = await Promise.all([createClientCertificate(), createClientCertificate()]);
    const token = await issuer.authorization({ scope, cnf: { 'x5t#S256': own.thumbprint } });
    const headers = Object.entries(token);
    const options: ResourceServerOptions = { ...issuer.options, mtls: true };
    expect(await ask({ headers, clientCertPem: own.certificate }, options)).toMatchObject({
      statusCode: 200,
    });
    expect(await ask({ headers, clientCertPem: other.certificate }, options)).toMatchObject({
      statusCode: 401,
    });
    expect(await ask({ headers }, options)).toMatchObject({ statusCode: 401 });
  });

  it.each([
    ['under a named stage', { stage: 'dev' }, `https://${EXECUTE_API}/dev/stock/42`],
    [
      'under a domain of its own',
      { domainName: 'api.example.com', stage: 'dev' },
      'https://api.example.com/stock/42',
    ],
  ])('compares a proof with the URL of the client, %s', async (_where, deployed, target) => {
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    const headers = Object.entries(await key.headers({ url: target, token }));
    expect(await ask({ headers, ...deployed })).toMatchObject({ statusCode: 200 });
    const again = Object.entries(await key.headers({ url: `${target}/other`, token }));
    expect(await ask({ headers: again, ...deployed })).toMatchObject({ statusCode: 401 });
  });

  it('adds a nonce to an accepted answer, beside the fields of the handler', async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    let ahead = 0;
    const dpop = { nonce: { secret: 'a secret that is long enough for it', lifetimeSeconds: 10 } };
    const options = { ...issuer.options, dpop, clock: () => Date.now() + ahead };
    const inventory = await start(options, toEvent, url);
    const send = async (nonce: { nonce?: string }) =>
      inventory.send('/stock/42', {
        headers: await key.headers({ url: `${url}/stock/42`, token, ...nonce }),
      });
    const { status, headers } = await send({});
    ahead = 10_000; // a new nonce is due
    const accepted = await send({ nonce: headers.get('dpop-nonce') ?? '' });
    expect([status, accepted.status, accepted.headers.get('content-type')]).toEqual([
      401,
      200,
      'application/json',
    ]);
    expect(accepted.headers.get('dpop-nonce')).toEqual(expect.any(String));
  });
});

it('stands the test event of the console, which has no header fields', async () => {
  const event = Object.assign(proxyEvent(), { headers: null, multiValueHeaders: null });
  expect(await createInventory(issuer.options).getStock(event)).toMatchObject({ statusCode: 401 });
});

const ROUTES = { 'GET /stock/{sku}': [scope], 'POST /stock/{sku}/reservations': ['write:inventory'] };

const ours = createAuthorizer(issuer.options, ROUTES);

/** What API Gateway answers after it called the authorizer; 200 if it goes on. */
async function authorize(authorizer: typeof ours, event: AuthorizerEvent): Promise<number> {
  try {
    const result = await authorizer(event);
    if ('isAuthorized' in result) return result.isAuthorized ? 200 : 403;
    const arn = 'methodArn' in event ? event.methodArn : event.routeArn;
    return isAllowed(result.policyDocument, arn) ? 200 : 403;
  } catch (error) {
    return error instanceof Error && error.message === 'Unauthorized' ? 401 : 500;
  }
}

function isAllowed({ Statement }: PolicyDocument, arn: string): boolean {
  const meant = Statement.filter((statement) => {
    const resources = 'Resource' in statement ? [statement.Resource].flat() : [];
    return resources.some((one = '') => new RegExp(`^${one.replaceAll('*', '.*')}$`).test(arn));
  });
  return meant.some(({ Effect }) => Effect === 'Allow') && meant.every(({ Effect }) => Effect !== 'Deny');
}

type Sent = Readonly<Record<string, string>>;

describe.each([
  ['TOKEN', ({ Authorization = '' }: Sent) => tokenEvent(Authorization)],
  ['REQUEST, 1.0', (headers: Sent) => requestEvent({ headers: Object.entries(headers) })],
  ['REQUEST, 2.0', (headers: Sent) => requestEventV2({ headers: Object.entries(headers) })],
] as const)('the example of an authorizer, %s', (type, toEvent) => {
  it('refuses every forgery, then lets a good token in', async () => {
    const url =
      type === 'REQUEST, 2.0' ? `https://${EXECUTE_API}/stock/42` : `https://${EXECUTE_API}/prod/stock/42`;
    const forgeries = [
      ...(await issuer.forgeries({ scope })),
      ...(await issuer.dpopForgeries({ method: 'GET', url }, { scope })),
    ];
    const wrong: string[] = [];
    for (const { name, headers, status } of forgeries) {
      const came = await authorize(ours, toEvent(headers));
      if (came !== (status === 403 ? 403 : 401)) wrong.push(`${name}: ${came}`);
    }
    expect(wrong).toEqual([]);
    expect(await authorize(ours, toEvent(await issuer.authorization({ scope })))).toBe(200);
  });

  it('lets API Gateway answer 500 during an outage, and not 401', async () => {
    const lost = await createTestIssuer();
    lost.goDown();
    const event = toEvent(await lost.authorization({ scope }));
    expect(await authorize(createAuthorizer(lost.options, ROUTES), event)).toBe(500);
  });

  it('takes a token that is bound to a key only with its proof', async () => {
    const key = await createDpopKey();
    const token = await issuer.token({ scope, cnf: { jkt: key.thumbprint } });
    const url = `https://${EXECUTE_API}${type === 'REQUEST, 2.0' ? '' : '/prod'}/stock/42`;
    const headers = await key.headers({ url, token });
    expect(await authorize(ours, toEvent(headers))).toBe(type === 'TOKEN' ? 401 : 200);
  });
});

describe('the policy of an authorizer', () => {
  const policyFor = async (granted: string) => {
    const { Authorization } = await issuer.authorization({ scope: granted });
    return createAuthorizer(issuer.options, ROUTES)(tokenEvent(Authorization));
  };

  it('is for every route that the token opens, whichever was called', async () => {
    expect(await policyFor(`${scope} write:inventory`)).toEqual({
      principalId: 'test-client',
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 'execute-api:Invoke',
            Resource: [`${ARN}/prod/GET/stock/*`, `${ARN}/prod/POST/stock/*/reservations`],
          },
        ],
      },
      context: { clientId: 'test-client', subject: 'test-client', scope: `${scope} write:inventory` },
    });
  });

  it('denies everything to a token that opens nothing', async () => {
    expect(await policyFor('other')).toMatchObject({
      policyDocument: { Statement: [{ Effect: 'Deny', Resource: [`${ARN}/prod/*`] }] },
    });
  });

  it.each([
    [scope, 'GET/stock/42', true],
    [scope, 'GET/stock/42/audit', false],
    [scope, 'POST/stock/42/reservations', false],
    [`${scope} audit`, 'GET/stock/42/audit', true],
    ['audit', 'GET/stock/42/audit', true],
    ['audit', 'GET/stock/42', false],
    ['other', 'GET/stock/42', false],
  ])('of the scope "%s" for %s: %s', async (granted, route, isOpen) => {
    const { Authorization } = await issuer.authorization({ scope: granted });
    const authorizer = createAuthorizer(issuer.options, { ...ROUTES, 'GET /stock/{sku}/audit': ['audit'] });
    const result = await authorizer(tokenEvent(Authorization));
    if (!('policyDocument' in result)) throw new Error('no policy');
    expect(isAllowed(result.policyDocument, `${ARN}/prod/${route}`)).toBe(isOpen);
  });
});
