import { readFile } from 'node:fs/promises';
import { paths } from '../../src/testing/authorization-server/authorization-server.js';
import type { Client } from '../../src/testing/authorization-server/clients.js';
import { decideGrant, describeGrant, type Grant } from '../../src/testing/authorization-server/grants.js';
import {
  type Handler,
  jsonAnswer,
  loggedPath,
  type Note,
  type Routes,
  refusal,
} from '../../src/testing/authorization-server/http.js';
import {
  type Members,
  optionalText,
  readMembers,
  requiredText,
} from '../../src/testing/authorization-server/request-body.js';
import { describeToken, type TokenMint } from '../../src/testing/authorization-server/token-mint.js';
import { DESCRIPTIONS, isJsonObject } from '../core.js';
import { settingsToPaste } from './settings-to-paste.js';
import { parseLoopbackUrl, sendTry, type TryOutcome, type TryRequest, tryMethods } from './try-request.js';

const FILES: Readonly<Record<string, readonly [file: string, mediaType: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/elements.js': ['elements.js', 'text/javascript; charset=utf-8'],
  '/dates.js': ['dates.js', 'text/javascript; charset=utf-8'],
  '/verdicts.js': ['verdicts.js', 'text/javascript; charset=utf-8'],
  '/theme.css': ['theme.css', 'text/css; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
};

/** What the page may do: run its own script, and talk to its own server. The icon is an empty `data:` URL. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The page and its files, by path. */
export async function pageRoutes(): Promise<Routes> {
  return Promise.all(
    Object.entries(FILES).map(async ([path, [file, mediaType]]) => {
      const body = await readFile(new URL(`page/${file}`, import.meta.url));
      const headers = {
        'Content-Type': mediaType,
        'Content-Security-Policy': CONTENT_SECURITY_POLICY,
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cache-Control': 'no-cache',
      };
      return [path, { GET: () => ({ status: 200, headers, body }) }] as const;
    }),
  );
}

/** The header fields that forgeries use. */
const TRY_HEADERS: readonly string[] = ['Authorization', 'Cookie', 'Proxy-Authorization'];

export interface DevRoutesOptions {
  readonly issuer: string;
  readonly clients: readonly Client[];
  readonly mint: TokenMint;
  /** Key ids that are published, the one that signs first. */
  readonly keyIds: () => readonly string[];
  readonly rotateKeys: (keepPrevious: boolean) => Promise<void>;
}

/** The members that {@link readGrant} reads. */
const GRANT_MEMBERS: readonly string[] = ['clientId', 'scope', 'audience'];

/** What the page talks to. None of it is part of any standard, and no application should use it. */
export function devRoutes(options: DevRoutesOptions): Routes {
  const post = (
    names: readonly string[],
    answer: (members: Members, note: Note, signal: AbortSignal) => Promise<object>,
  ): { POST: Handler } => ({
    POST: ownPageOnly(options.issuer, async (request, note, signal) =>
      jsonAnswer(200, await answer(await readMembers(request, names), note, signal)),
    ),
  });
  return [
    [
      '/dev/settings',
      { GET: ownPageOnly(options.issuer, async () => jsonAnswer(200, await settings(options))) },
    ],
    ['/dev/token', post([...GRANT_MEMBERS, 'forgery'], (members, note) => makeToken(members, options, note))],
    ['/dev/keys', post(['keepPrevious'], (members, note) => rotateKeys(members, options, note))],
    ['/dev/try', post(['url', 'method', 'headers'], tryApi)],
    [
      '/dev/try-forgeries',
      post([...GRANT_MEMBERS, 'url', 'method'], (members, note, signal) =>
        tryForgeries(members, options, note, signal),
      ),
    ],
  ];
}

/**
 * Keeps pages of other sites from using what only our own page, or a program on this machine, should use:
 * browsers say where a request comes from (Fetch §3.1, Fetch Metadata), and programs say nothing.
 */
function ownPageOnly(issuer: string, handler: Handler): Handler {
  const { protocol: scheme } = new URL(issuer);
  return (request, note, signal) => {
    const { origin, host, 'sec-fetch-site': site } = request.headers;
    // The router has checked that the host is ours.
    const isOurs = origin === undefined || origin === `${scheme}//${host}`;
    const isHere = site === undefined || site === 'same-origin' || site === 'none';
    if (isOurs && isHere) return handler(request, note, signal);
    throw refusal(403, 'invalid_request', 'requests from pages of other sites are not served');
  };
}

async function settings({ issuer, clients, mint, keyIds }: DevRoutesOptions): Promise<object> {
  // Without a scope some forgeries don't exist: the client with the most scopes shows them all.
  const [client] = clients.toSorted((one, other) => other.scopes.length - one.scopes.length);
  const forgeries =
    client === undefined
      ? []
      : await mint.forgeries(client, decideGrant(client, { scope: undefined, targets: [] }));
  return {
    issuer,
    endpoints: {
      token: `${issuer}${paths.token}`,
      introspection: `${issuer}${paths.introspection}`,
      jwks: `${issuer}${paths.jwks}`,
    },
    algorithm: mint.algorithm,
    lifetimeSeconds: mint.lifetimeSeconds,
    keyIds: keyIds(),
    methods: tryMethods,
    clients: clients.map((one) => ({
      clientId: one.clientId,
      scopes: one.scopes,
      audience: one.audience,
      paste: settingsToPaste(issuer, one),
    })),
    forgeries: forgeries.map(({ name, status, reason }) => ({
      name,
      status,
      reason,
      description: DESCRIPTIONS[reason],
    })),
  };
}

async function makeToken(members: Members, { clients, mint }: DevRoutesOptions, note: Note): Promise<object> {
  const { client, grant } = readGrant(members, clients);
  note(client.clientId);
  const name = optionalText(members, 'forgery');
  if (name === undefined) {
    note(describeGrant(grant));
    const { token } = await mint.token(client, grant);
    return { headers: { Authorization: `Bearer ${token}` }, ...describeToken(token) };
  }
  const forgery = (await mint.forgeries(client, grant)).find((one) => one.name === name);
  if (forgery === undefined)
    throw refusal(400, 'invalid_request', 'there is no such forgery of a token with these scopes');
  note(`forgery "${forgery.name}"`);
  const { headers, status, reason } = forgery;
  const [, token] = /^Bearer (.*)$/s.exec(headers.Authorization ?? '') ?? [];
  return { headers, expected: { status, reason }, ...(token === undefined ? {} : describeToken(token)) };
}

function readGrant(
  members: Members,
  clients: readonly Client[],
): { readonly client: Client; readonly grant: Grant } {
  const clientId = requiredText(members, 'clientId');
  const client = clients.find((one) => one.clientId === clientId);
  if (client === undefined) throw refusal(400, 'invalid_request', 'there is no such client');
  const audience = optionalText(members, 'audience');
  const scope = optionalText(members, 'scope');
  return { client, grant: decideGrant(client, { scope, targets: audience === undefined ? [] : [audience] }) };
}

async function rotateKeys(members: Members, options: DevRoutesOptions, note: Note): Promise<object> {
  const { keepPrevious = false } = members;
  if (typeof keepPrevious !== 'boolean')
    throw refusal(400, 'invalid_request', 'keepPrevious is neither true nor false');
  await options.rotateKeys(keepPrevious);
  note(`new key, ${keepPrevious ? 'the old ones stay published' : 'the old ones are withdrawn'}`);
  return { keyIds: options.keyIds() };
}

/** Where a request of the page goes. */
function readTarget(members: Members, note: Note): Omit<TryRequest, 'headers' | 'signal'> {
  const url = parseLoopbackUrl(requiredText(members, 'url'));
  if (url === undefined)
    throw refusal(
      400,
      'invalid_request',
      'url is not an http or https URL of localhost, 127.0.0.0/8 or [::1]',
    );
  const method = optionalText(members, 'method') ?? 'GET';
  if (!tryMethods.includes(method))
    throw refusal(400, 'invalid_request', `method is none of ${tryMethods.join(', ')}`);
  note(`${method} ${url.origin}${loggedPath(url.pathname)}`);
  return { url, method };
}

async function tryApi(members: Members, note: Note, signal: AbortSignal): Promise<object> {
  const target = readTarget(members, note);
  const given = members.headers ?? {};
  if (!isJsonObject(given)) throw refusal(400, 'invalid_request', 'headers is not an object');
  const unknown = Object.keys(given).find((name) => !TRY_HEADERS.includes(name));
  if (unknown !== undefined) throw refusal(400, 'invalid_request', `headers takes ${TRY_HEADERS.join(', ')}`);
  const headers = Object.fromEntries(Object.keys(given).map((name) => [name, requiredText(given, name)]));
  try {
    const outcome = await sendTry({ ...target, headers, signal });
    note(describeOutcome(outcome));
    return outcome;
  } catch (error) {
    if (error instanceof TypeError)
      throw refusal(400, 'invalid_request', 'headers has a value that HTTP cannot carry');
    throw error;
  }
}

/** So many requests are under way at a time. */
const AT_ONCE = 8;

/**
 * Sends a genuine token and then every forgery of it to one route. The page tells the verdicts, for which it
 * compares the answers with that to the genuine one. If that one isn't answered, nothing else is sent, and
 * nothing more once the page is gone.
 */
async function tryForgeries(
  members: Members,
  { clients, mint }: DevRoutesOptions,
  note: Note,
  signal: AbortSignal,
): Promise<object> {
  const { client, grant } = readGrant(members, clients);
  note(client.clientId);
  const target = { ...readTarget(members, note), signal };
  const { token } = await mint.token(client, grant);
  const genuine = await sendTry({ ...target, headers: { Authorization: `Bearer ${token}` } });
  note(`a genuine token: ${describeOutcome(genuine)}`);
  const forgeries = genuine.kind === 'answered' ? await mint.forgeries(client, grant) : [];
  const tried: object[] = [];
  for (let first = 0; first < forgeries.length && !signal.aborted; first += AT_ONCE) {
    const together = forgeries
      .slice(first, first + AT_ONCE)
      .map(async ({ name, status, reason, headers }) => ({
        name,
        description: DESCRIPTIONS[reason],
        expected: { status, reason },
        answer: withoutContent(await sendTry({ ...target, headers })),
      }));
    tried.push(...(await Promise.all(together)));
  }
  note(`${tried.length} forgeries`);
  return { genuine: withoutContent(genuine), forgeries: tried };
}

function withoutContent(outcome: TryOutcome): object {
  return outcome.kind === 'answered' ? { kind: outcome.kind, status: outcome.status } : outcome;
}

function describeOutcome(outcome: TryOutcome): string {
  return outcome.kind === 'answered' ? `answered ${outcome.status}` : `no answer: ${outcome.reason}`;
}
