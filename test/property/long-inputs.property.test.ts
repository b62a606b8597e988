import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { seemsToHaveToken } from '../../adapters/kit/connect-request.js';
import { tokenFromSubprotocol } from '../../adapters/kit/subprotocol.js';
import { findMismatch } from '../../adapters/mcp/headers.js';
import { mcpScopes } from '../../adapters/mcp/index.js';
import { readVerdict } from '../../src/client/challenge.js';
import { readTokenResponse } from '../../src/client/token-response.js';
import { answerMetadata, createResourceServer, viewRequest } from '../../src/index.js';
import { checkMetadata } from '../../src/issuer/discovery.js';
import { createKeyIndex, importKeys } from '../../src/issuer/key-index.js';
import { Metadata } from '../../src/issuer/metadata-document.js';
import { fetchJson } from '../../src/lib/fetch.js';
import { quoteUrl, withoutCredentials } from '../../src/lib/public-text.js';
import { readRetryAfter } from '../../src/lib/retry-after.js';
import { FORMS, readCertificateHeader } from '../../src/proof/certificate-header.js';
import { normalizeTargetUri, requestTargetUri } from '../../src/proof/target-uri.js';
import { readForm } from '../../src/request/form.js';
import { createDpopKey, createTestIssuer } from '../../src/testing/index.js';
import { parseScopes } from '../../src/token/scope.js';
import { looksLikeJwt } from '../../src/verification/introspected-token.js';
import { isFullSize } from '../support/size.js';

/** The longest input, in characters: as much as an authorization server may send at full size. */
const LONGEST = isFullSize ? 1_048_576 : 32_768;
const STEP = 16;
/** Between what a sixteenfold input may cost in proportion, 16, and what it costs squared, 256. */
const MAX_GROWTH = 50;
/** Shorter times say nothing. */
const MIN_MILLISECONDS = 3;

const URL_OF_STOCK = 'https://api.example.com/stock';
const ISSUER = 'https://auth.example.com';
const issuer = await createTestIssuer();
const key = await createDpopKey();
const token = await issuer.token({ cnf: key.confirmation });
const server = createResourceServer({
  ...issuer.options,
  bearerMethods: ['header', 'query', 'body'],
  resource: 'https://api.example.com',
  refusalWarnings: 'off',
});
/** One whose application trusts every issuer of that name. */
const ofMany = createResourceServer({
  ...issuer.options,
  issuer: (iss) => ({ issuer: iss, jwks: { keys: [] } }),
  refusalWarnings: 'off',
});
const map = mcpScopes(server, { resources: { '*': [], 'inventory://host/*': 'read' } });
const { signal } = new AbortController();

const authenticate = (fields: Readonly<Record<string, string>>, url: string = URL_OF_STOCK) =>
  server.authenticate({ method: 'POST', url, header: (name) => fields[name] });
const message = (url: string, headers: Readonly<Record<string, string>>) =>
  ({ method: 'GET', url, headers, rawHeaders: Object.entries(headers).flat() }) as object as IncomingMessage;
const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

type Read = (text: string) => unknown;

/** What a client sends, by who reads it. */
const ofClients: Readonly<Record<string, Read>> = {
  'an Authorization line': (authorization) => authenticate({ authorization }),
  'a bearer token': (text) => authenticate({ authorization: `Bearer ${text}` }),
  'a DPoP token': (text) => authenticate({ authorization: `DPoP ${text}`, dpop: 'x' }),
  'a proof': (dpop) => authenticate({ authorization: `DPoP ${token}`, dpop }),
  'a content type': (text) => authenticate({ 'content-type': text }),
  'a query': (text) => server.authenticate(viewRequest(message(`/stock?${text}&access_token=x`, {}))),
  'a request target': (text) => authenticate({ authorization: `DPoP ${token}`, dpop: 'x' }, `http://${text}`),
  'a host': (host) => viewRequest(message('/stock', { host })).url,
  'a target in absolute form': (text) => viewRequest(message(`http://${text}`, {})).url,
  'a form': (body) => readForm(new Request(URL_OF_STOCK, { method: 'POST', body: asForm(body) })),
  'the issuer in a token': (iss) =>
    ofMany.authenticate({
      ...{ method: 'GET', url: URL_OF_STOCK },
      header: (name) =>
        name === 'authorization' ? `Bearer ${encode({ alg: 'ES256' })}.${encode({ iss })}.AA` : [],
    }),
  'the URL of a proof': (text) => normalizeTargetUri(`https://${text}`),
  'the URL of a request': (text) => requestTargetUri(`https://h/${text}`, undefined),
  'a request for metadata': (text) =>
    answerMetadata(
      [server.resourceMetadata].flatMap((one) => one ?? []),
      {
        ...{
          method: 'GET',
          url: `${URL_OF_STOCK.replace('/stock', '/.well-known/oauth-protected-resource')}${text}`,
        },
        header: () => [],
      },
    ),
  'a list of subprotocols': (text) => {
    const repeated = Array.from({ length: 500 }, () => ['Sec-WebSocket-Protocol', 'x']).flat();
    const headers = { 'sec-websocket-protocol': `bearer, a, ${text}` };
    return tokenFromSubprotocol({ headers, rawHeaders: repeated } as object as IncomingMessage);
  },
  'an upgrade': (text) => seemsToHaveToken(message(`/?${text}`, { authorization: text })),
  'an MCP header field': (text) => findMismatch({ method: 'POST', url: '', header: () => text }, [], false),
  'an MCP resource': (text) => map.allows('resources', `https://${text}`, undefined),
  ...Object.fromEntries(
    Object.keys(FORMS).map((form) => [
      `a certificate from ${form}`,
      (text: string) => readCertificateHeader(form as keyof typeof FORMS, text),
    ]),
  ),
};

/** What an authorization server sends. */
const ofServers: Readonly<Record<string, Read>> = {
  'the issuer in metadata': (text) => checkMetadata({ issuer: text }, ISSUER),
  'an issuer that is a URL': (text) => checkMetadata({ issuer: `https://${text}` }, ISSUER),
  'a path in metadata': (text) => checkMetadata({ issuer: `${ISSUER}/${text}` }, ISSUER),
  'an endpoint': (text) =>
    new Metadata([{ json: { jwks_uri: `https://${text}` }, url: ISSUER }], false).endpoint('jwks_uri'),
  'a key': (text) =>
    createKeyIndex(
      importKeys(
        [
          { kty: 'RSA', n: text, e: text },
          { kty: 'EC', crv: 'P-256', x: text, y: text },
          { kty: text, crv: text, x5c: [text], x5t: text, kid: text },
        ],
        ISSUER,
      ),
    ),
  'Cache-Control': (text) =>
    fetchJson(ISSUER, async () => new Response('{}', { headers: { 'cache-control': text } }), signal),
  'Retry-After': (text) => [readRetryAfter(text, 0), readRetryAfter(`1${text}`, 0)],
  'a challenge': (text) => [
    readVerdict(401, text, 'DPoP'),
    readVerdict(401, `Bearer error="${text}`, 'Bearer'),
  ],
  'a token response': (text) =>
    readToken({ access_token: text, token_type: 'Bearer', scope: text, expires_in: text }, 200),
  'an error of a token endpoint': (text) => readToken({ error: text, error_description: text }, 400),
  'a scope': (text) => parseScopes(text),
  'a token to ask about': (text) => looksLikeJwt(text),
  'a URL for a message': (text) => [quoteUrl(text), quoteUrl(`https://${text}`), withoutCredentials(text)],
};

/** Hostile inputs: a beginning repeated, with an end that fits nothing. */
const repeated = [
  ...[
    '{',
    '}',
    '=',
    ' ',
    ',',
    '/',
    'a',
    '0',
    '1',
    '-',
    '.',
    '@',
    ':',
    '\t',
    '?',
    '#',
    ';',
    '&',
    '%',
    '"',
    '\\',
    '\n',
    'é',
  ],
  ...[
    'a=',
    'a&',
    'a;',
    'a,',
    'a.',
    'a:',
    'a@',
    'a b',
    'a"',
    'a="',
    '="',
    '\\"',
    '../',
    '/.',
    '//',
    '/a',
    '%7b',
    '%61',
    '%0A',
  ],
  ...[
    '{}',
    '{\n',
    ', ',
    ' ,',
    ', a ',
    ', bearer ',
    ', bearer  ',
    'max-age=',
    'bearer,',
    'access_token=&',
    'Cert=";',
    'AAAA\n',
    '\u0301\u0316',
  ],
];
const inputs: readonly ((length: number) => string)[] = [
  ...repeated.flatMap((part) =>
    (isFullSize ? ['', '!', '\n'] : ['\n!']).map(
      (end) => (length: number) => part.repeat(length / part.length) + end,
    ),
  ),
  // Names that all differ, and letters that all differ.
  ...['&', '=&', ', ', ' '].map((separator) => (length: number) => {
    const names = Array.from({ length: length / 8 }, (_, index) => index.toString(36).padStart(6, 'a'));
    return names.join(separator);
  }),
  (length) => Array.from({ length }, (_, index) => String.fromCharCode(0x4e00 + (index % 20_000))).join(''),
];

describe('an input that is sixteen times as long', () => {
  it.each(Object.entries({ ...ofClients, ...ofServers }))(
    'takes about sixteen times as long to read: %s',
    { tags: ['OPS-13'], timeout: 120_000 },
    async (_name, read) => {
      for (const input of inputs) {
        let before = await measure(read, input(LONGEST / STEP ** 3));
        for (const length of [LONGEST / STEP ** 2, LONGEST / STEP, LONGEST]) {
          const text = input(length);
          const limit = MAX_GROWTH * Math.max(before, MIN_MILLISECONDS);
          let time = await measure(read, text);
          // Something else may have had the processor.
          for (let tries = 0; tries < 3 && time > limit; tries += 1)
            time = Math.min(time, await measure(read, text));
          expect({ begins: text.slice(0, 10), length, grows: time > limit && time / before }).toMatchObject({
            grows: false,
          });
          before = time;
        }
      }
    },
  );
});

/** How long it takes to read something, in milliseconds, whatever comes of it. */
async function measure(read: Read, text: string): Promise<number> {
  const started = performance.now();
  try {
    await read(text);
  } catch {
    // Most of it is refused.
  }
  return performance.now() - started;
}

function asForm(text: string): Blob {
  return new Blob([text], { type: 'application/x-www-form-urlencoded' });
}

function readToken(body: object, status: number): Promise<unknown> {
  const options = {
    now: 0,
    secrets: ['a secret of the client'],
    hint: undefined,
    tokenType: 'Bearer',
    signal,
  } as const;
  return readTokenResponse(new Response(JSON.stringify(body), { status }), options);
}
