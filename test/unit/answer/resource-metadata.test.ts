import { describe, expect, it, vi } from 'vitest';
import {
  answerMetadata,
  isSignedMetadata,
  type ResourceMetadataDocument,
} from '../../../src/answer/resource-metadata.js';
import type { Answer } from '../../../src/decision.js';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import {
  createResourceServer,
  type ResourceMetadata,
  type ResourceServerOptions,
} from '../../../src/index.js';
import type { ResourceOptions } from '../../../src/options/resource.js';
import { encodePart, signedJws } from '../../../src/testing/forged-jws.js';
import { generateSigningKey } from '../../../src/testing/signing-key.js';
import { listenTo } from '../../support/listen-to.js';

const resource = 'https://api.example.com/mcp';
const issuer = 'https://auth.example.com';
const key = await generateSigningKey('Ed25519', 'api');

function metadataOf(
  options: Partial<ResourceOptions> = {},
  others: Partial<ResourceServerOptions> = {},
): ResourceMetadata {
  const server = createResourceServer({
    issuer,
    audience: 'inventory',
    ...others,
    resource: { resource, ...options },
  });
  server.close();
  if (server.resourceMetadata === undefined) throw new Error('nothing is published');
  return server.resourceMetadata;
}

const get = (metadata: ResourceMetadata, method = 'GET') =>
  metadata.answer(new Request(metadata.url, { method }));

async function bodyOf(answer: Answer | Promise<Answer> | undefined): Promise<Record<string, unknown>> {
  return JSON.parse((await answer)?.body ?? 'null');
}

describe('the metadata of an API', () => {
  it("know their URL, and don't exist without the option", { tags: ['PRM-08'] }, () => {
    expect(metadataOf()).toMatchObject({
      url: 'https://api.example.com/.well-known/oauth-protected-resource/mcp',
      path: '/.well-known/oauth-protected-resource/mcp',
    });
    expect(createResourceServer({ issuer, audience: 'inventory' }).resourceMetadata).toBeUndefined();
  });

  it('name issuers, but not where their keys are', { tags: ['PRM-05', 'PRM-13'] }, () => {
    const secrets = { jwksUri: 'https://keys.internal/jwks', audience: 'hidden', clientIds: ['client-1'] };
    const { document } = metadataOf({}, { issuer: [{ issuer, ...secrets }, 'https://second.example.com'] });
    expect(document.authorization_servers).toEqual([issuer, 'https://second.example.com']);
    expect(JSON.stringify(document)).not.toMatch(/internal|hidden|client-1|inventory/);
  });

  it("can't be changed by a reader", () => {
    const { document } = metadataOf({ scopes: ['read'] });
    expect(Object.isFrozen(document)).toBe(true);
    expect(Object.isFrozen(document.scopes_supported)).toBe(true);
    expect(Object.isFrozen(document.authorization_servers)).toBe(true);
  });

  it('publish the scopes that the option names, and no others', {
    tags: ['PRM-05', 'MCP-05', 'PRM-13'],
  }, async () => {
    expect(await bodyOf(get(metadataOf()))).not.toHaveProperty('scopes_supported');
    const metadata = metadataOf({ scopes: ['read', 'offline_access'] });
    expect(metadata.document.scopes_supported).toEqual(['read']);
    expect((await bodyOf(get(metadata))).scopes_supported).toEqual(['read']);
  });

  it('name the ways to send a token', { tags: ['PRM-06', 'PRM-07'] }, () => {
    const both = metadataOf().document;
    expect(both.bearer_methods_supported).toEqual(['header']);
    expect(both.dpop_signing_alg_values_supported).toContain('ES256');
    expect(both).not.toHaveProperty('dpop_bound_access_tokens_required');
    expect(metadataOf({}, { dpop: 'required' }).document).toMatchObject({
      bearer_methods_supported: [],
      dpop_bound_access_tokens_required: true,
    });
  });

  it('are apart for each resource of a host', { tags: ['PRM-11'] }, async () => {
    const [first, second] = [metadataOf(), metadataOf({ resource: 'https://api.example.com/mcp?tenant=b' })];
    expect(second.answer(new Request(first.url))).toBeUndefined();
    expect(first.answer(new Request(second.url))).toBeUndefined();
    expect((await bodyOf(get(second))).resource).toBe('https://api.example.com/mcp?tenant=b');
  });

  it.each([
    'https://api.example.com/mcp',
    'https://api.example.com/x/.well-known/oauth-protected-resource/mcp',
    'https://api.example.com/.well-known/oauth-protected-resource/mcp/',
    'https://api.example.com/.well-known/oauth-protected-resource/mcp?',
    'https://api.example.com/?/.well-known/oauth-protected-resource/mcp',
    'https://.well-known/oauth-protected-resource/mcp',
  ])('are not at %s', { tags: ['PRM-01'] }, (url) => {
    expect(metadataOf().answer({ method: 'GET', url, header: () => [] })).toBeUndefined();
  });

  it('are for GET and HEAD, in upper case', { tags: ['PRM-12'] }, () => {
    const ask = (method: string) => metadataOf().answer({ method, url: metadataOf().url, header: () => [] });
    expect(['GET', 'HEAD', 'OPTIONS'].map((method) => (ask(method) as Answer).status)).toEqual([
      200, 200, 204,
    ]);
    for (const method of ['POST', 'get', 'TRACE', '']) {
      expect(ask(method)).toMatchObject({ status: 405, headers: { Allow: 'GET, HEAD, OPTIONS' } });
    }
  });
});

describe('where clients look for metadata', () => {
  const WELL_KNOWN = '/.well-known/oauth-protected-resource';
  const [mcp, other, tenant] = ['/mcp', '/other', '/mcp?tenant=a'].map((path) =>
    metadataOf({ resource: `https://api.example.com${path}` }),
  );
  const find = async (published: readonly (ResourceMetadata | undefined)[], url: string) => {
    const known = published.filter((one) => one !== undefined);
    const answer = await answerMetadata(known, { method: 'GET', url, header: () => undefined });
    return answer === undefined
      ? undefined
      : answer.status === 200
        ? (await bodyOf(answer)).resource
        : answer.status;
  };

  it('is the place of the one that is meant, if that is clear', { tags: ['PRM-11', 'MCP-02'] }, async () => {
    const at = (path: string) => `https://API.example.com${WELL_KNOWN}${path}`;
    for (const path of ['/mcp', '/mcp/', '/mcp?a=1', '', '/', '/?a=1'])
      expect(await find([mcp, mcp], at(path)), path).toBe('https://api.example.com/mcp');
    for (const path of ['', '/', '?a=1']) expect(await find([mcp, other], at(path)), path).toBe(404);
    expect(await find([mcp, other], at('/other/'))).toBe('https://api.example.com/other');
    expect(await find([mcp, tenant], at('/mcp?tenant=a'))).toBe('https://api.example.com/mcp?tenant=a');
    for (const path of ['/mcp?tenant=b', '/mcp/'])
      expect(await find([mcp, tenant], at(path)), path).toBe(404);
    expect(await find([mcp, tenant], at('/mcp'))).toBe('https://api.example.com/mcp');
    for (const path of ['', '/mcp', '/mcp/']) expect(await find([tenant], at(path)), path).toBe(404);
  });

  it('is the place of the one with the host that was asked, if any has it', {
    tags: ['PRM-11'],
  }, async () => {
    const elsewhere = metadataOf({ resource: 'https://other.example.com/mcp' });
    for (const host of ['api', 'other']) {
      const resource = `https://${host}.example.com/mcp`;
      for (const path of ['/mcp', '/mcp/', ''])
        expect(
          await find([mcp, elsewhere], `https://${host}.example.com${WELL_KNOWN}${path}`),
          `${host} ${path}`,
        ).toBe(resource);
    }
    // An internal name, behind a proxy.
    expect(await find([mcp], `http://10.0.0.1:8080${WELL_KNOWN}/mcp`)).toBe(mcp?.document.resource);
    expect(await find([mcp, elsewhere], `http://10.0.0.1:8080${WELL_KNOWN}/mcp`)).toBe(404);
  });

  it.each([
    '*',
    '',
    'https://api.example.com',
    'https://api.example.com/mcp',
    `https://api.example.com/mcp${WELL_KNOWN}`,
    `https://api.example.com${WELL_KNOWN}/mcp//`,
    `https://api.example.com${WELL_KNOWN}/mcp/tools`,
    `https://api.example.com${WELL_KNOWN}mcp`,
    `https://api.example.com/%2Ewell-known/oauth-protected-resource/mcp`,
  ])('is not %j', { tags: ['PRM-11'] }, async (url) => {
    expect(await find([mcp], url)).toBeUndefined();
    expect(await find([], `https://api.example.com${WELL_KNOWN}`)).toBeUndefined();
  });
});

describe('isSignedMetadata', () => {
  const header = encodePart({ alg: 'ES256' });
  const claims = encodePart({ iss: resource });

  it.each([
    [`${header}.${claims}.AAAA`, true],
    [`${header}.${claims}.`, false],
    [`${header}.${claims}`, false],
    [`${encodePart({ alg: 'none' })}.${claims}.AAAA`, false],
    [`${encodePart({ alg: 42 })}.${claims}.AAAA`, false],
    [`${encodePart('[]')}.${claims}.AAAA`, false],
    [`${header}.${encodePart('[]')}.AAAA`, false],
    [`${header}.${encodePart({ iss: 42 })}.AAAA`, false],
    [`${header}.${encodePart({ iss: resource, signed_metadata: 'x' })}.AAAA`, false],
    [42, false],
  ])('says of %j: %j', { tags: ['PRM-09'] }, (value, expected) => {
    expect(isSignedMetadata(value)).toBe(expected);
  });
});

describe('signed metadata', () => {
  const sign = (metadata: ResourceMetadataDocument, claims: object = {}) =>
    signedJws({ alg: 'ES256' }, { ...metadata, iss: resource, ...claims }, key);

  it("are published if they're given", { tags: ['PRM-09'] }, async () => {
    const signedMetadata = signedJws({ alg: 'ES256' }, { iss: resource, resource }, key);
    expect((await bodyOf(get(metadataOf({ signedMetadata })))).signed_metadata).toBe(signedMetadata);
  });

  it('sign what is published, once for many clients', { tags: ['PRM-09'] }, async () => {
    const signedMetadata = vi.fn(async (metadata: ResourceMetadataDocument) => sign(metadata));
    const metadata = metadataOf({ signedMetadata });
    const [first, second] = await Promise.all([bodyOf(get(metadata)), bodyOf(get(metadata, 'HEAD'))]);
    expect(signedMetadata).toHaveBeenCalledTimes(1);
    expect(signedMetadata).toHaveBeenCalledWith(metadata.document);
    expect(first).toEqual({ ...metadata.document, signed_metadata: sign(metadata.document) });
    expect(second).toEqual(first);
  });

  it('are made once for all concurrent requests, however short-lived', { tags: ['PRM-09'] }, async () => {
    const signedMetadata = vi.fn(async (metadata: ResourceMetadataDocument) => sign(metadata));
    const metadata = metadataOf({ signedMetadata, maxAgeSeconds: 0 });
    await Promise.all([get(metadata), get(metadata), get(metadata)]);
    expect(signedMetadata).toHaveBeenCalledTimes(1);
    await get(metadata);
    expect(signedMetadata).toHaveBeenCalledTimes(2);
  });

  it('are made again when the clock was set back', { tags: ['PRM-09'] }, async () => {
    let now = 1_000_000;
    const signedMetadata = vi.fn(sign);
    const metadata = metadataOf({ signedMetadata, maxAgeSeconds: 60 }, { clock: () => now });
    await get(metadata);
    now -= 1000;
    await get(metadata);
    expect(signedMetadata).toHaveBeenCalledTimes(2);
  });

  it('are made again when they get old', { tags: ['PRM-09'] }, async () => {
    let now = 0;
    const signedMetadata = vi.fn(sign);
    const metadata = metadataOf({ signedMetadata, maxAgeSeconds: 60 }, { clock: () => now });
    await get(metadata);
    now = 59_999;
    await get(metadata);
    expect(signedMetadata).toHaveBeenCalledTimes(1);
    now = 60_000;
    await get(metadata);
    expect(signedMetadata).toHaveBeenCalledTimes(2);
  });

  it.each([
    [
      'throws',
      () => {
        throw new RangeError('of the key');
      },
      'RangeError',
    ],
    ['rejects', () => Promise.reject('the key'), 'string'],
    ['returns nothing', () => undefined, 'TypeError'],
    ['returns no JWT', () => 'abc', 'TypeError'],
    [
      'forgets the issuer',
      (metadata: ResourceMetadataDocument) => sign(metadata, { iss: undefined }),
      'TypeError',
    ],
    [
      'signs signed metadata',
      (metadata: ResourceMetadataDocument) => sign(metadata, { signed_metadata: 'x' }),
      'TypeError',
    ],
  ])(
    'are answered with 503 if the function %s, and tried again half a minute later',
    { tags: ['PRM-09', 'OPS-09'] },
    async (_name, failing, detail) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const signedMetadata = vi.fn(sign).mockImplementationOnce(failing as typeof sign);
      let now = 0;
      const metadata = metadataOf({ signedMetadata }, { clock: () => now });
      for (const _request of [1, 2, 3])
        expect(await get(metadata)).toMatchObject({ status: 503, body: undefined });
      expect(warnings).toEqual([{ source: 'signedMetadata', detail }]);
      expect(signedMetadata).toHaveBeenCalledTimes(1);
      now = 30_000;
      expect(await get(metadata)).toMatchObject({ status: 200 });
    },
  );

  it('are waited for with another global Promise, too', { tags: ['OPS-09'] }, async () => {
    const metadata = metadataOf({ signedMetadata: async (document) => sign(document) });
    vi.stubGlobal('Promise', class extends Promise<unknown> {});
    try {
      expect(await get(metadata)).toMatchObject({ status: 200 });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('are made anew if that was lost, as on Workers together with its request', {
    tags: ['OPS-09'],
  }, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const signedMetadata = vi.fn(sign).mockReturnValueOnce(new Promise<string>(() => {}) as never);
      let now = 0;
      const metadata = metadataOf({ signedMetadata }, { clock: () => now });
      void get(metadata); // its timers never fire
      now = 11_000;
      expect(await get(metadata)).toMatchObject({ status: 200 });
    } finally {
      vi.useRealTimers();
    }
  });

  it("aren't waited for endlessly", { tags: ['OPS-09'] }, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const warnings = listenTo<WarningMessage>(channels.warning);
      const answer = get(metadataOf({ signedMetadata: () => new Promise<string>(() => {}) }));
      vi.advanceTimersByTime(10_000);
      expect(await answer).toMatchObject({ status: 503 });
      expect(warnings).toEqual([{ source: 'signedMetadata', detail: 'time-out' }]);
    } finally {
      vi.useRealTimers();
    }
  });
});
