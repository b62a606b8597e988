import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { FetchRequestView } from '../../../src/request/fetch-view.js';
import { NodeRequestView } from '../../../src/request/node-view.js';
import { queryText } from '../../../src/request/query.js';
import { isCorsPreflight, type RequestView } from '../../../src/request/view.js';
import { viewRequest } from '../../../src/request/view-request.js';

/** A Node request as the parser of Node makes it, with what frameworks add. */
function message(members: Record<string, unknown> = {}, socket: Socket = new Socket()): IncomingMessage {
  return Object.assign(new IncomingMessage(socket), { method: 'GET', url: '/', ...members });
}

const view = (members: Record<string, unknown> = {}, socket?: Socket) =>
  new NodeRequestView(message(members, socket));

describe('the header fields of a Node request', () => {
  it('are read line by line if Node drops or joins lines', { tags: ['BRR-06'] }, () => {
    const request = view({
      headers: { authorization: 'Bearer a', 'x-joined': 'a, b', accept: '*/*' },
      rawHeaders: [
        'Authorization',
        'Bearer a',
        'X-Joined',
        'a',
        'AUTHORIZATION',
        'Basic b',
        'x-joined',
        'b',
        'Accept',
        '*/*',
      ],
    });
    expect(request.header('authorization')).toEqual(['Bearer a', 'Basic b']);
    expect(request.header('x-joined')).toEqual(['a', 'b']);
    expect(request.header('accept')).toEqual(['*/*']);
    expect(request.header('cookie')).toEqual([]);
  });

  it('are told from values that read like names', { tags: ['BRR-06'] }, () => {
    const lines = ['X', 'Authorization', 'Authorization', 'Bearer a', 'Authorization', 'Bearer b'];
    const request = view({ headers: { authorization: 'Bearer a' }, rawHeaders: lines });
    expect(request.header('authorization')).toEqual(['Bearer a', 'Bearer b']);
  });

  it('are what the application sees if there is one line', { tags: ['BRR-06'] }, () => {
    // A middleware in front may have set or removed it.
    const rawHeaders = ['Authorization', 'Bearer raw', 'Accept', '*/*'];
    expect(view({ headers: { authorization: 'Bearer set' }, rawHeaders }).header('authorization')).toEqual([
      'Bearer set',
    ]);
    expect(view({ headers: {}, rawHeaders }).header('authorization')).toEqual([]);
  });

  it('are those of the framework if it keeps its own, but repeated lines stay repeated', {
    tags: ['BRR-06'],
  }, () => {
    const header = (headers: Record<string, string | undefined>, ...lines: string[]) => {
      const rawHeaders = lines.flatMap((line) => ['Authorization', line]);
      const raw = message({ headers: lines[0] === undefined ? {} : { authorization: lines[0] }, rawHeaders });
      return new NodeRequestView(raw, { headers }).header('authorization');
    };
    expect(header({ authorization: 'Bearer set' })).toEqual(['Bearer set']);
    expect(header({ authorization: 'Bearer set' }, 'Bearer a')).toEqual(['Bearer set']);
    expect(header({ authorization: undefined }, 'Bearer a')).toEqual([]);
    expect(header({ authorization: 'Bearer set' }, 'Bearer a', 'Bearer b')).toEqual(['Bearer a', 'Bearer b']);
  });

  it('are not mistaken for others in name or value', { tags: ['BRR-06'] }, () => {
    const request = view({
      headers: { authorization: 'Bearer a' },
      rawHeaders: [
        'X',
        'Authorization',
        'authorizatio',
        'b',
        'authorization2',
        'c',
        'Authorization',
        'Bearer a',
      ],
    });
    expect(request.header('authorization')).toEqual(['Bearer a']);
  });

  it('may be lists, and raw ones may be missing in doubles of requests', { tags: ['BRR-06'] }, () => {
    expect(view({ headers: { 'set-cookie': ['a', 'b'] } }).header('set-cookie')).toEqual(['a', 'b']);
    expect(
      view({ headers: { authorization: 'Bearer a' }, rawHeaders: undefined }).header('authorization'),
    ).toEqual(['Bearer a']);
  });
});

describe('the connection of a Node request', () => {
  /** A socket that has been connected, as far as it is looked at. */
  const over = (socket: object) => view({}, socket as Socket);
  const DER = Buffer.from('certificate');

  it('has the address of the peer', { tags: ['MTL-09'] }, () => {
    expect(over({ remoteAddress: '10.0.0.1' }).remoteAddress).toBe('10.0.0.1');
    expect(view().remoteAddress).toBeUndefined();
  });

  it('is known by its socket', () => {
    const socket = new Socket();
    expect(view({}, socket).connection).toBe(socket);
    expect(over(null as never).connection).toBeUndefined(); // as some doubles have it
  });

  it('has the certificate of the client', { tags: ['MTL-07'] }, () => {
    expect(over({ getPeerCertificate: () => ({ raw: DER }) }).clientCertificate()).toBe(DER);
  });

  it.each([
    ['without TLS', {}],
    ['where the client sent none', { getPeerCertificate: () => ({}) }],
    ['that is gone', { getPeerCertificate: () => null }],
    ['that was never made', new TLSSocket(new Socket())],
  ])('has no certificate %s', { tags: ['MTL-02'] }, (_name, socket) => {
    expect(over(socket).clientCertificate()).toBeUndefined();
  });

  it('is unknown for doubles of requests that have none', { tags: ['MTL-02'] }, () => {
    const double = new NodeRequestView({ method: 'GET', url: '/', headers: {} } as IncomingMessage); // as a unit test may write it
    expect(double.remoteAddress).toBeUndefined();
    expect(double.clientCertificate()).toBeUndefined();
  });
});

describe('the URL of a Node request', () => {
  const headers = { host: 'api.example.com' };

  it.each([
    ['/stock?a=1', { url: '/stock?a=1', headers }, 'http://api.example.com/stock?a=1'],
    ['no Host', { url: '/x', headers: {} }, 'http://localhost/x'],
    ['HTTP/2', { url: '/x', headers: { ':authority': 'h2.example.com' } }, 'http://h2.example.com/x'],
    [
      'HTTP/2 with Host as well',
      { url: '/x', headers: { ...headers, ':authority': 'h2.example.com' } },
      'http://h2.example.com/x',
    ],
    ['absolute form', { url: 'https://other.example/x?a=1', headers }, 'http://other.example/x?a=1'],
    ['absolute form with a port', { url: 'http://other.example:8080', headers }, 'http://other.example:8080'],
    // Routers don't agree on the path of these, so they're nothing that a proof can be for.
    ['absolute form without a host', { url: 'http:///x', headers }, 'http:///x'],
    ['absolute form with a user', { url: 'http://a@evil/x', headers }, 'http://a@evil/x'],
    ['absolute form with another scheme', { url: 'foo://h/x', headers }, 'foo://h/x'],
    ['absolute form with a strange host', { url: 'http://h;x/x', headers }, 'http://h;x/x'],
    ['absolute form without a path', { url: 'https://other.example', headers }, 'http://other.example'],
    ['asterisk form', { url: '*', headers }, '*'],
    ['asterisk form with a query', { url: '*?a=1', headers }, '*?a=1'],
    ['no target', { url: undefined, headers }, 'http://api.example.com/'],
  ])('is that of %s', { tags: ['DPP-13'] }, (_, members, expected) => {
    expect(view(members).url).toBe(expected);
  });

  it('is https on a TLS socket, whatever a header says', { tags: ['DPP-13'] }, () => {
    const members = {
      url: '/x',
      headers: { ...headers, 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil' },
    };
    expect(view(members, new TLSSocket(new Socket())).url).toBe('https://api.example.com/x');
    expect(view({ ...members, headers: { ...members.headers, 'x-forwarded-proto': 'https' } }).url).toBe(
      'http://api.example.com/x',
    );
  });

  it.each(['evil?access_token=x', 'evil#', 'evil/path', 'user@evil', 'evil\\x'])(
    'has the query of the target, whatever the Host line %j holds',
    { tags: ['OPS-04'] },
    (host) => {
      const { url } = view({ url: '/x?access_token=y', headers: { host } });
      expect(queryText(url)).toBe('access_token=y');
      expect(url).toBe('http://localhost/x?access_token=y');
    },
  );
});

describe('what a framework knows of a Node request', () => {
  const HOST = { host: 'api.example.com:3000' };

  it.each([
    ['what the framework says', { protocol: 'https', host: 'other:1' }, 'https://other:1'],
    ['a scheme in capitals', { protocol: 'HTTPS', host: 'other' }, 'https://other'],
    ['no other scheme than http and https', { protocol: 'javascript', host: 'other' }, 'http://other'],
    ['no array of schemes', { protocol: ['https'], host: 'other' }, 'http://other'],
    ['no list of schemes', { protocol: 'https, http', host: 'other' }, 'http://other'],
    ['no host with a path', { protocol: 'https', host: 'evil/path?' }, 'https://api.example.com:3000'],
    ['no host with a user name', { protocol: 'https', host: 'a@evil' }, 'https://api.example.com:3000'],
    ['no empty host', { protocol: 'https', host: '' }, 'https://api.example.com:3000'],
    ['the message where there is nothing', {}, 'http://api.example.com:3000'],
    ['the message where there is nothing sensible', { protocol: 1, host: {} }, 'http://api.example.com:3000'],
  ])('decides scheme and host: %s', { tags: ['DPP-13'] }, (_, framework, expected) => {
    const headers = { ...HOST, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.example.com' };
    const request = message({ url: '/a', headers, protocol: 'ftp', host: 'evil' });
    expect(new NodeRequestView(request, framework).url).toBe(`${expected}/a`);
  });

  it('decides the scheme on a TLS socket too', { tags: ['DPP-13'] }, () => {
    const request = message({ url: '/a', headers: HOST }, new TLSSocket(new Socket()));
    expect(new NodeRequestView(request, { protocol: 'http' }).url).toBe('http://api.example.com:3000/a');
  });

  it('is no host if it only repeats the field, which a target in absolute form overrides', {
    tags: ['DPP-13'],
  }, () => {
    const request = message({ url: 'http://other.example/a', headers: HOST });
    expect(new NodeRequestView(request, HOST).url).toBe('http://other.example/a');
    expect(new NodeRequestView(request, { host: 'api.example.com' }).url).toBe('http://api.example.com/a');
  });

  it('is no host if it only repeats one of the fields of HTTP/2', { tags: ['DPP-13'] }, () => {
    const request = message({ url: '/a', headers: { ...HOST, ':authority': 'h2.example.com' } });
    const url = (host: string) => new NodeRequestView(request, { host }).url;
    expect(url(HOST.host)).toBe('http://h2.example.com/a'); // Fastify prefers `Host`
    expect(url('h2.example.com')).toBe('http://h2.example.com/a');
    expect(url('public.example.com')).toBe('http://public.example.com/a');
  });

  it('is the route', () => {
    expect(new NodeRequestView(message(), { route: '/stock/:sku' }).route).toBe('/stock/:sku');
    const request = new Request('https://api.example.com/stock/42');
    expect(new FetchRequestView(request, {}, undefined, () => '/stock/:sku').route).toBe('/stock/:sku');
    expect([view().route, new FetchRequestView(request).route]).toEqual([undefined, undefined]);
  });

  it.each([
    ['POST', 'POST'],
    [42, 'DELETE'],
    [undefined, 'DELETE'],
  ])('is the method that was sent, if it is one: %j', { tags: ['DPP-10'] }, (method, expected) => {
    expect(new NodeRequestView(message({ method: 'DELETE' }), { method }).method).toBe(expected);
  });

  it('is the target before a router cut its mount path off', { tags: ['DPP-13'] }, () => {
    const request = message({ url: '/42', headers: HOST });
    expect(new NodeRequestView(request, { target: '/stock/42' }).url).toBe(
      'http://api.example.com:3000/stock/42',
    );
  });

  it('is not looked for on the message itself', () => {
    const members = {
      url: '/42',
      originalUrl: '/stock/42',
      originalMethod: 'PUT',
      body: { a: 1 },
      headers: HOST,
    };
    const request = view({ ...members, app: Object.assign(() => undefined, { get: () => () => true }) });
    expect([request.url, request.method, request.body]).toEqual([
      'http://api.example.com:3000/42',
      'GET',
      undefined,
    ]);
  });
});

describe('removeQueryParameter', () => {
  it.each([
    ['/stock?access_token=x', '/stock'],
    ['/stock?a=1&access_token=x', '/stock?a=1'],
    ['/stock?access_token=x&a=1', '/stock?a=1'],
    ['/stock?a=1&access_token=x&b=2', '/stock?a=1&b=2'],
    ['/stock?access_token=x&access_token=y', '/stock'],
    ['/stock?access_token', '/stock'],
    ['/stock?access%5ftoken=x&a=%20', '/stock?a=%20'],
    ['/stock?%61ccess_token=x', '/stock'],
    [
      '/stock?xaccess_token=1&access_token_=2&Access_Token=3',
      '/stock?xaccess_token=1&access_token_=2&Access_Token=3',
    ],
    ['/stock?a=access_token=x', '/stock?a=access_token=x'],
    ['/stock?a=1&&b', '/stock?a=1&&b'],
    ['/stock??access_token=x', '/stock??access_token=x'],
    ['/stock?a=1&?access_token=2&access_token=x', '/stock?a=1&?access_token=2'],
    ['/stock?a=$&&access_token=x&b=$1', '/stock?a=$&&b=$1'],
    ['/stock?a=%&access_token=%&b=%zz', '/stock?a=%&b=%zz'],
    ['/stock?access_token=x#access_token=y', '/stock#access_token=y'],
    ['/stock#?access_token=x', '/stock#?access_token=x'],
    ['/stock?', '/stock?'],
    ['/access_token=x', '/access_token=x'],
    ['http://h/stock?access_token=x&a=1', 'http://h/stock?a=1'],
    ['/?access_token=x', '/'],
    ['', ''],
  ])('makes of %s: %s', { tags: ['BRR-11'] }, (url, expected) => {
    const request = message({ url });
    const framework = { target: `/mounted${url}` };
    new NodeRequestView(request, framework).removeQueryParameter('access_token');
    expect([request.url, framework.target]).toEqual([expected, `/mounted${expected}`]);
  });

  it('leaves a message without a target alone', { tags: ['BRR-11'] }, () => {
    const request = message({ url: undefined });
    new NodeRequestView(request).removeQueryParameter('access_token');
    expect(request.url).toBeUndefined();
  });

  it('removes it from the parsed query too', { tags: ['BRR-11'] }, () => {
    const query = { access_token: 'x', a: '1' };
    const request = message({ url: '/?access_token=x&a=1' });
    new NodeRequestView(request, { query }).removeQueryParameter('access_token');
    expect(query).toEqual({ a: '1' });
  });

  it.each([undefined, null, 'access_token=x', Object.freeze({ access_token: 'x' })])(
    'does not mind the parsed query %j',
    { tags: ['BRR-11'] },
    (query) => {
      const request = message({ url: '/?access_token=x' });
      new NodeRequestView(request, { query }).removeQueryParameter('access_token');
      expect(request.url).toBe('/');
    },
  );
});

describe('viewRequest', () => {
  it('reads a Node request, also one that a framework has given a method "header"', () => {
    const request = message({ method: 'POST', url: '/x', body: { a: 1 }, header: () => 'x' });
    const read = viewRequest(request);
    expect(read).toBeInstanceOf(NodeRequestView);
    expect(read.method).toBe('POST');
    expect(new NodeRequestView(message({ method: undefined })).method).toBe('');
  });

  it('reads a Fetch request, whose repeated lines are joined', () => {
    const request = new Request('https://api.example.com/x?a=1', { method: 'PUT' });
    request.headers.append('Authorization', 'Bearer a');
    request.headers.append('Authorization', 'Bearer b');
    const read = viewRequest(request);
    expect([read.method, read.url]).toEqual(['PUT', 'https://api.example.com/x?a=1']);
    expect(read.header('authorization')).toEqual(['Bearer a, Bearer b']);
    expect(read.header('cookie')).toEqual([]);
    expect(read.body).toBeUndefined();
  });

  it('takes a parameter out of the URL of a Fetch request, which itself stays as it is', {
    tags: ['BRR-11'],
  }, () => {
    const request = new Request('https://api.example.com/x?a=1&access_token=y#z');
    const read = new FetchRequestView(request);
    read.removeQueryParameter('access_token');
    expect(read.url).toBe('https://api.example.com/x?a=1#z');
    expect(request.url).toContain('access_token');
  });

  it('reads a Fetch request of another implementation', () => {
    const headers = new Headers({ authorization: 'Bearer a' });
    const read = viewRequest({ method: 'GET', url: 'https://api.example.com/', headers } as Request);
    expect(read.header('authorization')).toEqual(['Bearer a']);
  });

  it('knows of the connection of a Fetch request what it is told', { tags: ['MTL-07', 'MTL-09'] }, () => {
    const request = new Request('https://api.example.com/x', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    const unknown = new FetchRequestView(request);
    expect([unknown.remoteAddress, unknown.clientCertificate()]).toEqual([undefined, undefined]);
    const clientCertificate = new Uint8Array([1]);
    const told = new FetchRequestView(request, { remoteAddress: '10.0.0.1', clientCertificate });
    expect([told.remoteAddress, told.clientCertificate()]).toEqual(['10.0.0.1', clientCertificate]);
  });

  it('reads the request of Koa through that of Node, line by line', { tags: ['BRR-06'] }, () => {
    const req = message({
      method: 'PUT',
      url: '/x?access_token=y',
      headers: { host: 'internal', authorization: 'Bearer a' },
      rawHeaders: ['Authorization', 'Bearer a', 'Authorization', 'Bearer b'],
    });
    // As Koa has it: `header` is an object, `host` and `protocol` are what it makes of proxies that it
    // trusts.
    const koa = {
      req,
      header: req.headers,
      headers: req.headers,
      method: 'PUT',
      url: req.url,
      protocol: 'https',
      host: 'api.example.com',
      query: { access_token: 'y' },
      body: { a: 1 },
    };
    const read = viewRequest(koa);
    expect(read.header('authorization')).toEqual(['Bearer a', 'Bearer b']);
    expect([read.method, read.url, read.body]).toEqual([
      'PUT',
      'https://api.example.com/x?access_token=y',
      { a: 1 },
    ]);
    read.removeQueryParameter?.('access_token');
    expect([req.url, koa.query]).toEqual(['/x', {}]);
  });

  it.each<unknown>([{}, { headers: null }, { header: {}, url: '/' }, undefined, null, 'GET /', 7])(
    'says what it takes, given %j',
    (request) => {
      expect(() => viewRequest(request as RequestView)).toThrow('a request is a RequestView');
    },
  );

  it('takes a field named get for one, and not for a method', () => {
    const double = { method: 'GET', url: '/', headers: { get: 'x', authorization: 'Bearer a' } };
    const read = viewRequest(double as object as IncomingMessage);
    expect(read.header('authorization')).toEqual(['Bearer a']);
  });

  it('takes a view as it is', () => {
    const own: RequestView = { method: 'GET', url: '/', header: () => [] };
    expect(viewRequest(own)).toBe(own);
  });
});

describe('isCorsPreflight', () => {
  const preflight = { origin: ['https://app.example.com'], 'access-control-request-method': ['PUT'] };
  const sent = (method: string, headers: Readonly<Record<string, readonly string[]>>): RequestView => ({
    method,
    url: '/',
    header: (name) => headers[name] ?? [],
  });

  it('knows a preflight request', { tags: ['BRR-28'] }, () => {
    expect(isCorsPreflight(sent('OPTIONS', preflight))).toBe(true);
    expect(isCorsPreflight(sent('OPTIONS', { ...preflight, 'access-control-request-headers': ['x'] }))).toBe(
      true,
    );
  });

  it.each([
    ['another method', 'GET', preflight],
    ['lower case', 'options', preflight],
    ['no origin', 'OPTIONS', { 'access-control-request-method': ['PUT'] }],
    ['no requested method', 'OPTIONS', { origin: ['https://app.example.com'] }],
    ['nothing', 'OPTIONS', {}],
    ['credentials', 'OPTIONS', { ...preflight, authorization: ['Bearer abc'] }],
  ])('does not take for one what has %s', { tags: ['BRR-28'] }, (_, method, headers) => {
    expect(isCorsPreflight(sent(method, headers))).toBe(false);
  });
});
