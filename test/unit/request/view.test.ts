import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import {
  isCorsPreflight,
  NodeRequestView,
  parseQuery,
  queryOf,
  type RequestView,
  viewRequest,
} from '../../../src/request/view.js';

/** A Node request as the parser of Node makes it, with what frameworks add. */
function message(members: Record<string, unknown> = {}, socket: Socket = new Socket()): IncomingMessage {
  return Object.assign(new IncomingMessage(socket), { method: 'GET', url: '/', ...members });
}

const view = (members: Record<string, unknown> = {}, socket?: Socket) =>
  new NodeRequestView(message(members, socket));

describe('the header fields of a Node request', () => {
  it('are read line by line where Node drops or joins lines', { tags: ['BRR-06'] }, () => {
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

  it('are what the application sees where there is one line', { tags: ['BRR-06'] }, () => {
    // A middleware in front may have set or removed it.
    const rawHeaders = ['Authorization', 'Bearer raw'];
    expect(view({ headers: { authorization: 'Bearer set' }, rawHeaders }).header('authorization')).toEqual([
      'Bearer set',
    ]);
    expect(view({ headers: {}, rawHeaders }).header('authorization')).toEqual([]);
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
    [
      'a mounted router',
      { url: '/42', originalUrl: '/stock/42', headers },
      'http://api.example.com/stock/42',
    ],
    ['no Host', { url: '/x', headers: {} }, 'http://localhost/x'],
    ['HTTP/2', { url: '/x', headers: { ':authority': 'h2.example.com' } }, 'http://h2.example.com/x'],
    ['absolute form', { url: 'https://other.example/x?a=1', headers }, 'http://api.example.com/x?a=1'],
    ['asterisk form', { url: '*', headers }, '*'],
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
      expect(queryOf(url)).toBe('access_token=y');
      expect(url).toBe('http://localhost/x?access_token=y');
    },
  );
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
    const request = message({ url, originalUrl: `/mounted${url}` });
    new NodeRequestView(request).removeQueryParameter('access_token');
    expect([request.url, Reflect.get(request, 'originalUrl')]).toEqual([expected, `/mounted${expected}`]);
  });

  it('removes it from the parsed query too', { tags: ['BRR-11'] }, () => {
    const query = { access_token: 'x', a: '1' };
    new NodeRequestView(message({ url: '/?access_token=x&a=1', query })).removeQueryParameter('access_token');
    expect(query).toEqual({ a: '1' });
  });

  it.each([undefined, null, 'access_token=x', Object.freeze({ access_token: 'x' })])(
    'does not mind the parsed query %j',
    { tags: ['BRR-11'] },
    (query) => {
      const request = message({ url: '/?access_token=x', query });
      new NodeRequestView(request).removeQueryParameter('access_token');
      expect(request.url).toBe('/');
    },
  );
});

describe('viewRequest', () => {
  it('reads a Node request, also one that a framework has given a method "header"', () => {
    const request = message({ method: 'POST', url: '/x', body: { a: 1 }, header: () => 'x' });
    const read = viewRequest(request);
    expect(read).toBeInstanceOf(NodeRequestView);
    expect([read.method, read.body]).toEqual(['POST', { a: 1 }]);
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

  it('takes a view as it is', () => {
    const own: RequestView = { method: 'GET', url: '/', header: () => [] };
    expect(viewRequest(own)).toBe(own);
  });
});

describe('queryOf and parseQuery', () => {
  it.each([
    ['/a', '', []],
    ['/a?', '', []],
    ['/a?b', 'b', [['b', '']]],
    [
      '/a?b=1&c=2#d?e',
      'b=1&c=2',
      [
        ['b', '1'],
        ['c', '2'],
      ],
    ],
    ['/a#b?c=1', '', []],
    ['/a??b=1', '?b=1', [['?b', '1']]],
    ['/a?b?c=1', 'b?c=1', [['b?c', '1']]],
    ['/a?b=1+2%203', 'b=1+2%203', [['b', '1 2 3']]],
    ['/a?&&b', '&&b', [['b', '']]],
  ])('read %s', { tags: ['BRR-10'] }, (url, query, parameters) => {
    expect(queryOf(url)).toBe(query);
    expect([...parseQuery(query)]).toEqual(parameters);
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
