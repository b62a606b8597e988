import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import express from 'express';
import { describe, expect, it } from 'vitest';
import { originOf } from '../../../src/request/origin.js';
import { NodeRequestView } from '../../../src/request/view.js';

const HOST = { host: 'api.example.com:3000' };
const FORWARDED = { ...HOST, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.example.com:8443' };

function message(members: Record<string, unknown> = {}): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/', ...members });
}

/** A message as Express hands it on, with what its setting `trust proxy` makes of it. */
function expressMessage(headers: Record<string, string>, trust: unknown): IncomingMessage {
  const app = express();
  app.set('trust proxy', trust);
  const request = Object.setPrototypeOf(message({ headers }), app.request);
  return Object.assign(request, { app });
}

describe('originOf', () => {
  it.each([
    ['what the framework says', { protocol: 'https', host: 'other:1' }, 'https://other:1'],
    ['a scheme in capitals', { protocol: 'HTTPS', host: 'other' }, 'https://other'],
    ['no other scheme than http and https', { protocol: 'javascript', host: 'other' }, 'http://other'],
    ['no list of schemes', { protocol: 'https, http', host: 'other' }, 'http://other'],
    ['no host with a path', { protocol: 'https', host: 'evil/path?' }, 'https://api.example.com:3000'],
    ['no host with a user name', { protocol: 'https', host: 'a@evil' }, 'https://api.example.com:3000'],
    ['no empty host', { protocol: 'https', host: '' }, 'https://api.example.com:3000'],
    ['the message where there is nothing', {}, 'http://api.example.com:3000'],
    ['the message where there is nothing sensible', { protocol: 1, host: {} }, 'http://api.example.com:3000'],
  ])('takes %s', { tags: ['DPP-13'] }, (_, framework, expected) => {
    expect(originOf(message({ headers: FORWARDED, protocol: 'https' }), framework)).toBe(expected);
    const parsed = { ...framework, body: {} };
    expect(new NodeRequestView(message({ url: '/a', headers: HOST }), parsed).url).toBe(`${expected}/a`);
  });

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
      expect(originOf(expressMessage(headers, trust), undefined)).toBe(expected);
    },
  );

  it.each([
    ['no application', undefined],
    ['an application of something else', { get: () => () => true }],
    ['an application without that setting', Object.assign(() => undefined, { get: () => undefined })],
    ['an application that cannot be asked', () => undefined],
  ])('believes no proxy with %s', { tags: ['DPP-13'] }, (_, app) => {
    expect(originOf(message({ headers: FORWARDED, app }), undefined)).toBe('http://api.example.com:3000');
  });
});

describe('the method of a request', () => {
  it.each([
    ['as it was sent', { method: 'POST' }, 'POST'],
    ['before it was overridden', { method: 'DELETE', originalMethod: 'POST' }, 'POST'],
    ['not what somebody put there', { method: 'POST', originalMethod: 42 }, 'POST'],
  ])('is %s', { tags: ['DPP-10'] }, (_, members, expected) => {
    expect(new NodeRequestView(message(members)).method).toBe(expected);
  });
});
