import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTlsFetch } from '../../../src/lib/tls-fetch.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { collectGarbage } from '../../support/garbage.js';
import { isFullSize } from '../../support/size.js';

const [ofServer, mine] = await Promise.all([
  createClientCertificate({ commonName: 'localhost' }),
  createClientCertificate({ commonName: 'mine' }),
]);

/** Answers with what came in. */
const server = createServer(
  { key: ofServer.privateKey, cert: ofServer.certificate, requestCert: true, rejectUnauthorized: false },
  async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
    const { method, url, headers } = request;
    if (url === '/silent') return;
    if (url === '/odd') response.writeHead(299, 'Schön', { 'Set-Cookie': ['a=1', 'b=2'] });
    if (url === '/status/999') response.writeHead(999);
    if (url === '/status/204') return response.writeHead(204).end();
    const body = Buffer.concat(chunks).toString();
    return response.end(JSON.stringify({ method, url, headers, body, shown: commonName(request) }));
  },
);
let origin: string;
let fetch: typeof globalThis.fetch;

function commonName({ socket }: IncomingMessage): unknown {
  return (socket as TLSSocket).getPeerCertificate().subject.CN; // an https server has no other sockets
}

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `https://localhost:${(server.address() as AddressInfo).port}`; // it listens on TCP
  fetch = await createTlsFetch({ cert: mine.certificate, key: mine.privateKey, ca: [ofServer.certificate] });
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What came in of a request. */
async function echoed(...request: Parameters<typeof fetch>) {
  const response = await fetch(...request);
  return (await response.json()) as Record<'method' | 'url' | 'body' | 'shown', string> & {
    headers: Record<string, string>;
  };
}

const form = (): FormData => {
  const data = new FormData();
  data.append('name', 'Müller');
  data.append('file', new File(['content'], 'a.txt', { type: 'text/plain' }));
  data.append('blob', new Blob(['other']));
  return data;
};

async function* chunks() {
  yield Buffer.from('one ');
  yield Buffer.from('two');
}

describe('a fetch with a client certificate', () => {
  it.each<[string, () => NonNullable<RequestInit['body']>, string, string | undefined]>([
    ['a string', () => 'text', 'text', 'text/plain;charset=UTF-8'],
    [
      'parameters',
      () => new URLSearchParams({ a: 'b c' }),
      'a=b+c',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['bytes', () => new Uint8Array([97, 98]), 'ab', undefined],
    ['an ArrayBuffer', () => new Uint8Array([97, 98]).buffer, 'ab', undefined],
    ['a Blob', () => new Blob(['blob'], { type: 'image/png' }), 'blob', 'image/png'],
  ])('sends %s with its type and length', async (_what, body, sent, type) => {
    for (const request of [
      [`${origin}/x`, { method: 'POST', body: body() }],
      [new URL(`${origin}/x`), { method: 'POST', body: body() }],
      [new Request(`${origin}/x`, { method: 'POST', body: body() })],
      [new Request(`${origin}/x`, { method: 'POST', body: 'replaced' }), { body: body(), headers: {} }],
    ] as Parameters<typeof fetch>[]) {
      const seen = await echoed(...request);
      expect(seen).toMatchObject({ method: 'POST', url: '/x', body: sent, shown: 'mine' });
      expect(seen.headers['content-length']).toBe(String(sent.length));
      if (type !== undefined) expect(seen.headers['content-type']?.replace('; ', ';')).toBe(type);
    }
  });

  it('sends a form with files', async () => {
    const seen = await Promise.all([
      echoed(`${origin}/x`, { method: 'POST', body: form() }),
      echoed(new Request(`${origin}/x`, { method: 'POST', body: form() })),
    ]);
    for (const { headers, body } of seen) {
      const boundary =
        /^multipart\/form-data; boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1] ?? 'none';
      expect(body.split(boundary)).toHaveLength(5);
      expect(body).toMatch(/name="name"\r\n\r\nMüller\r\n/);
      expect(body).toMatch(/name="file"; filename="a.txt"\r\nContent-Type: text\/plain\r\n\r\ncontent\r\n/);
      expect(body).toMatch(/name="blob"; filename="blob"\r\n/);
    }
  });

  it('sends a stream as it comes', async () => {
    const body = ReadableStream.from(chunks());
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit; // some declarations lack duplex
    const { body: sent, headers } = await echoed(`${origin}/x`, init);
    expect([sent, headers['transfer-encoding']]).toEqual(['one two', 'chunked']);
    const ofRequest = new Request(`${origin}/x`, { ...init, body: ReadableStream.from(chunks()) });
    expect(await echoed(ofRequest)).toMatchObject({ body: 'one two', headers: { 'content-length': '7' } });
  });

  it('takes fields from objects, lists, Headers and a Request, and members of init first', async () => {
    for (const headers of [{ a: '1' }, [['a', '1']], new Headers({ a: '1' })] as NonNullable<
      RequestInit['headers']
    >[])
      expect((await echoed(`${origin}/x`, { headers })).headers).toMatchObject({ a: '1' });
    const request = new Request(`${origin}/x`, { headers: { a: '1' }, method: 'PUT' });
    expect(await echoed(request)).toMatchObject({ method: 'PUT', headers: { a: '1' } });
    const headers = { b: '2' };
    expect(await echoed(request, { method: 'PATCH', headers })).toMatchObject({ method: 'PATCH', headers });
  });

  it('ends when the signal of init or of the Request is aborted, with its reason', async () => {
    const reason = new RangeError('enough');
    const aborted = (url: string, inRequest: boolean) => {
      const controller = new AbortController();
      const { signal } = controller;
      const calling = inRequest ? fetch(new Request(url, { signal })) : fetch(url, { signal });
      setImmediate(() => controller.abort(reason));
      return calling;
    };
    await expect(aborted(`${origin}/silent`, false)).rejects.toBe(reason);
    await expect(aborted(`${origin}/silent`, true)).rejects.toBe(reason);
    const stuck = new Request(`${origin}/x`, {
      method: 'POST',
      body: new ReadableStream(),
      duplex: 'half',
      signal: AbortSignal.abort(reason),
    } as RequestInit);
    await expect(fetch(stuck)).rejects.toBe(reason);
  });

  it("answers with a Response of Node's own", async () => {
    const response = await fetch(`${origin}/odd`);
    expect(response).toBeInstanceOf(Response);
    expect(response).toMatchObject({ status: 299, url: `${origin}/odd`, redirected: false, ok: true });
    expect(response.headers).toBeInstanceOf(Headers);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.clone().json()).toEqual(await response.json());
    const empty = await fetch(`${origin}/status/204`);
    expect([empty.status, empty.body]).toEqual([204, null]);
    expect(await fetch(`${origin}/status/999`)).toMatchObject({ status: 999 });
  });

  it('keeps the body of an answer until it is read', async () => {
    const response = await fetch(`${origin}/x`);
    await collectGarbage();
    expect(await response.json()).toMatchObject({ url: '/x' });
  });

  it('fails as fetch does', async () => {
    const stranger = await createTlsFetch({ cert: mine.certificate, key: mine.privateKey, ca: undefined });
    const failure = await stranger(`${origin}/x`).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TypeError);
    expect(failure).toMatchObject({ cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } });
  });

  it.runIf(isFullSize)('closes connections that nobody uses', async () => {
    server.keepAliveTimeout = 0; // the server neither closes it nor says when it would
    const connected = once(server, 'secureConnection');
    const { certificate: cert, privateKey: key } = mine;
    const idle = await createTlsFetch({ cert, key, ca: [ofServer.certificate] });
    await (await idle(`${origin}/x`)).text();
    const [socket] = await connected;
    await once(socket, 'close');
  });
});
