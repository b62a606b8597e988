import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { startOnFetch } from '../support/mcp-endpoint.js';
import { repeats } from '../support/size.js';

vi.setConfig({ testTimeout: 120_000 });

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const issuer = await createTestIssuer();
const reader = Object.entries(await issuer.authorization({ scope: 'read' }));
const endpoint = await startOnFetch(issuer.options, {
  every: 'read',
  tools: { '*': [], order: 'orders', 'admin_*': 'admin' },
  resources: { '*': [], 'inventory://host/secret/*': 'secrets' },
  prompts: { '*': [] },
  methods: { 'acme/*': [] },
});

/** Names of any kind, with what means something to a parser more often than chance has it. */
const anyName = fc
  .oneof(
    fc.constantFrom(
      'count',
      'move',
      'Count',
      ' count',
      'count ',
      '',
      '__proto__',
      '=?base64?Y291bnQ=?=',
      'é',
      '世界',
    ),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ unit: fc.constantFrom(...'=?base64?ab \t,'), maxLength: 24 }),
  )
  .filter((name) => name !== 'order' && !name.startsWith('admin_'));
const anyUri = anyName.map((name) => `inventory://host/${encodeURIComponent(name)}`);
const anyCall = fc.oneof(
  fc.record({ method: fc.constant('tools/call'), member: fc.constant('name'), name: anyName }),
  fc.record({ method: fc.constant('prompts/get'), member: fc.constant('name'), name: anyName }),
  fc.record({ method: fc.constant('resources/read'), member: fc.constant('uri'), name: anyUri }),
);

/** As the specification has clients do it. */
function encode(name: string): string {
  const isPlain =
    /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(name) && !/^=\?base64\?.*\?=$/.test(name);
  return isPlain ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`;
}

interface Fields {
  readonly 'MCP-Protocol-Version': string | undefined;
  readonly 'Mcp-Method': string | undefined;
  readonly 'Mcp-Name': string | undefined;
}

const lines = (fields: Fields): (readonly [string, string])[] =>
  Object.entries(fields).filter(([, value]) => value !== undefined);

const without = fc.constant(undefined);
const fieldText = fc.string({ unit: fc.constantFrom(...'=?base64?Y291bnQorde_/- \t'), maxLength: 24 });
/** What a field says in place of what it should: near to it, or far. */
const wrong = (right: string) =>
  fc
    .oneof(
      without,
      fieldText,
      anyName.map(encode),
      fc.constantFrom(
        right.toUpperCase(),
        `${right}x`,
        right.slice(1),
        `${right}, ${right}`,
        encode(right.trim()),
      ),
      fc.constantFrom(
        'tools/call',
        'tools/list',
        'prompts/get',
        'resources/read',
        '2025-11-25',
        '2026-07-29',
        'order',
      ),
    )
    // Space around a value is no part of it.
    .filter((value) => value?.replace(/^[ \t]+|[ \t]+$/g, '') !== right && !says(value, right));

/** Whether it's the same in base64. */
function says(value: string | undefined, right: string): boolean {
  const [, base64] = /^[ \t]*=\?base64\?(.*)\?=[ \t]*$/.exec(value ?? '') ?? [];
  const [, ofRight] = /^=\?base64\?(.*)\?=$/.exec(right) ?? [];
  const plain = ofRight === undefined ? right : Buffer.from(ofRight, 'base64').toString();
  return base64 !== undefined && Buffer.from(base64, 'base64').toString() === plain;
}

const anyCallAsSent = anyCall
  .filter(({ name }) => Buffer.from(name).toString() === name) // a lone surrogate can't be sent
  .map((call) => {
    const right = {
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': call.method,
      'Mcp-Name': encode(call.name),
    };
    return { call, right };
  });
const anyMismatch = anyCallAsSent.chain(({ call, right }) =>
  fc
    .constantFrom('MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name' as const)
    .chain((field) => wrong(right[field]).map((value): Fields => ({ ...right, [field]: value })))
    .map((fields) => ({ call, fields })),
);

const message = ({ method, member, name }: { method: string; member: string; name: string }) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params: { [member]: name, _meta: { [VERSION]: '2026-07-28' } },
});

describe('any message of revision 2026-07-28', () => {
  it('is refused with HeaderMismatch if a header field differs from it', {
    tags: ['MCP-14'],
  }, async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(anyMismatch, async ({ call, fields }) => {
        const body = message(call);
        const answer = await endpoint.call({ headers: [...reader, ...lines(fields)], body });
        expect(answer).toMatchObject({ status: 400, reached: [] });
        expect(JSON.parse(answer.body)).toMatchObject({ id: 1, error: { code: -32020 } });
        refused += 1;
      }),
      { numRuns: repeats(10_000) },
    );
    expect(refused).toBe(repeats(10_000));
  });

  it('is served if the header fields say the same', { tags: ['MCP-14'] }, async () => {
    await fc.assert(
      fc.asyncProperty(anyCallAsSent, async ({ call, right }) => {
        const answer = await endpoint.call({ headers: [...reader, ...lines(right)], body: message(call) });
        expect(answer).toMatchObject({ status: 200, reached: [message(call)] });
      }),
      { numRuns: repeats(2000) },
    );
  });
});

/**
 * JSON that looks like messages, written member by member: some repeated, some that mean something to a
 * parser.
 */
const anyText = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(
      '"order"',
      '"admin_x"',
      '"count"',
      '"tools/call"',
      '"resources/read"',
      '"acme/x"',
      '"2.0"',
      '1',
      'null',
      '[]',
    ),
    fc.constantFrom(
      '"inventory://host/secret/a"',
      '"inventory://host/secret/../a"',
      '"inventory://host/x/../secret/a"',
    ),
    tie('object'),
    tie('object').map((object) => `[${object}]`),
  ),
  object: fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'jsonrpc',
          'id',
          'method',
          'params',
          'name',
          'uri',
          '__proto__',
          'result',
          '_meta',
          'constructor',
        ),
        tie('value'),
      ),
      { maxLength: 6 },
    )
    .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`),
}));
const anyCallText = fc
  .tuple(
    anyText.object,
    anyText.object,
    fc.constantFrom('tools/call', 'resources/read'),
    fc.constantFrom('name', 'uri'),
  )
  .map(([outer, inner, method, member]) => {
    const params = inner.replace(/\}$/, `${inner === '{}' ? '' : ','}"${member}":"order"}`);
    const start = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}`;
    return outer === '{}' ? `${start}}` : `${start},${outer.slice(1)}`;
  });

/** What the SDK takes a text for that a reader may not have. */
function forbiddenCalls(text: string): readonly unknown[] {
  const body: unknown = JSON.parse(text);
  return [body].flat().filter((element) => {
    const parsed = JSONRPCMessageSchema.safeParse(element);
    if (!parsed.success || !('method' in parsed.data)) return false;
    const { method, params } = parsed.data;
    const { name, uri } = Object(params);
    if (method === 'tools/call') return /^(?:order$|admin_)/.test(String(name));
    return (
      method === 'resources/read' &&
      /^inventory:\/\/host\/secret\//.test(URL.canParse(uri) ? new URL(uri).href : '')
    );
  });
}

describe('any JSON', () => {
  it('is answered without 5xx, and calls nothing that the token does not allow', {
    tags: ['MCP-12', 'MCP-13', 'OPS-10'],
  }, async () => {
    let forbidden = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText.value, anyCallText), async (body) => {
        const { status, reached } = await endpoint.call({ headers: reader, body });
        expect([200, 400, 403, 404]).toContain(status);
        const calls = forbiddenCalls(body);
        forbidden += calls.length;
        if (calls.length > 0) expect(reached).toEqual([]);
      }),
      { numRuns: repeats(10_000) },
    );
    expect(forbidden).toBeGreaterThan(repeats(10_000) / 200);
  });
});
