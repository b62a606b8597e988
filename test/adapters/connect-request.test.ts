import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import express from 'express';
import { describe, expect, it } from 'vitest';
import { connectRequestView } from '../../adapters/kit/index.js';

const HOST = { host: 'api.example.com:3000' };
const FORWARDED = { ...HOST, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.example.com:8443' };

function message(members: Record<string, unknown> = {}): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/', ...members });
}

const originIn = (request: IncomingMessage): string => new URL(connectRequestView(request).url).origin;

/** A message as Express hands it on, with what its setting `trust proxy` makes of it. */
function expressMessage(headers: Record<string, string>, trust: unknown): IncomingMessage {
  const app = express();
  app.set('trust proxy', trust);
  const request = Object.setPrototypeOf(message({ headers }), app.request);
  return Object.assign(request, { app });
}

describe('scheme and host', () => {
  it.each([
    ['trusts nobody', false, FORWARDED, 'http://api.example.com:3000'],
    ['trusts everybody', true, FORWARDED, 'https://public.example.com:8443'],
    ['trusts everybody, who say nothing', true, HOST, 'http://api.example.com:3000'],
    ['trusts others', '192.0.2.1', FORWARDED, 'http://api.example.com:3000'],
    [
      'trusts everybody, of whom several say something',
      true,
      { ...FORWARDED, 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'a.example , b.example' },
      'https://a.example',
    ],
    [
      'trusts who sends nonsense',
      true,
      { ...FORWARDED, 'x-forwarded-host': 'a/b' },
      'https://api.example.com:3000',
    ],
  ])(
    'believes proxies as an Express application does that %s',
    { tags: ['DPP-13'] },
    (_, trust, headers, expected) => {
      expect(originIn(expressMessage(headers, trust))).toBe(expected);
    },
  );

  it.each([
    ['no application', undefined],
    ['an application of something else', { get: () => () => true }],
    ['an application without that setting', Object.assign(() => undefined, { get: () => undefined })],
    ['an application that cannot be asked', () => undefined],
  ])('believes no proxy with %s', { tags: ['DPP-13'] }, (_, app) => {
    expect(originIn(message({ headers: FORWARDED, app }))).toBe('http://api.example.com:3000');
  });
});

describe('the method of a request', () => {
  it.each([
    ['as it was sent', { method: 'POST' }, 'POST'],
    ['before it was overridden', { method: 'DELETE', originalMethod: 'POST' }, 'POST'],
    ['not what somebody put there', { method: 'POST', originalMethod: 42 }, 'POST'],
  ])('is %s', { tags: ['DPP-10'] }, (_, members, expected) => {
    expect(connectRequestView(message(members)).method).toBe(expected);
  });
});

describe('the URL of a request', () => {
  it('has the path before a router cut its mount path off', { tags: ['DPP-13'] }, () => {
    const request = message({ url: '/42', originalUrl: '/stock/42', headers: HOST });
    expect(connectRequestView(request).url).toBe('http://api.example.com:3000/stock/42');
  });

  it('loses a parameter everywhere', { tags: ['BRR-11'] }, () => {
    const query = { access_token: 'x', a: '1' };
    const request = message({ url: '/?access_token=x', originalUrl: '/stock?access_token=x', query });
    connectRequestView(request).removeQueryParameter?.('access_token');
    expect(request).toMatchObject({ url: '/', originalUrl: '/stock', query: { a: '1' } });
    const untouched = message({ url: '/' });
    connectRequestView(untouched).removeQueryParameter?.('access_token');
    expect('originalUrl' in untouched).toBe(false);
  });

  it('takes scheme, host, query and body from the request of the framework, if that is another', {
    tags: ['DPP-13'],
  }, () => {
    const parsed = {
      protocol: 'https',
      host: 'public.example.com',
      query: { access_token: 'x' },
      body: { a: 1 },
    };
    const request = message({ url: '/?access_token=x', headers: FORWARDED, body: 'raw' });
    const view = connectRequestView(request, parsed);
    expect([view.url, view.body]).toEqual(['https://public.example.com/?access_token=x', { a: 1 }]);
    view.removeQueryParameter?.('access_token');
    expect(parsed.query).toEqual({});
  });
});
