import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createResourceServer, logRefusals, type ResourceServerOptions } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { requestWith } from '../support/outcome.js';

const issuer = await createTestIssuer();
const warn = vi.spyOn(process, 'emitWarning');

beforeEach(() => {
  warn.mockReset();
});

/** A resource server on a clock of its own, as a developer has it. */
function develop(options: Partial<ResourceServerOptions> = {}) {
  let now = Date.now();
  const { issuer: trusted, audience } = issuer.options;
  const server = createResourceServer({ issuer: trusted, audience, clock: () => now, ...options });
  return {
    send: async (claims: Record<string, unknown> = {}) =>
      server.authenticate(requestWith(`Bearer ${await issuer.token(claims)}`)),
    async during(act: () => Promise<unknown>) {
      issuer.goDown();
      await act().finally(() => issuer.comeBack());
    },
    step(seconds: number) {
      now += seconds * 1000;
    },
  };
}

const texts = (): readonly string[] => warn.mock.calls.map(([text]) => String(text));

describe('outside production', { tags: ['OPS-18'] }, () => {
  it('the first mismatch of a minute is a process warning, which says what is expected', async () => {
    const { send, step } = develop();
    await send({ aud: 'https://canary.example.com' });
    await send({ iss: 'https://canary.example.com' });
    await send({ aud: 'https://canary.example.com' });
    expect(texts()).toEqual([
      'refused GET with 401 aud_mismatch: the "aud" of the access token has nothing from the option "audience" ' +
        '("https://api.example.com"). ' +
        'Others are not shown for a minute; NODE_DEBUG=oauth-resource-server shows each of them.',
    ]);
    step(60);
    await send({ iss: `${issuer.identifier}/` });
    expect(texts()).toHaveLength(2);
    expect(texts()[1]).toMatch(
      /^refused GET with 401 iss_mismatch: .* not in the option "issuer" \("https:\/\/issuer\.example\.com"\)\. Hint: the issuer differs .* slash\. /,
    );
    expect(warn.mock.calls[0]?.[1]).toEqual({ type: 'ResourceServerWarning', code: 'OAUTH_RESOURCE_SERVER' });
  });

  it('so is the first 503, whatever else was shown', async () => {
    const { send, during, step } = develop();
    await send({ aud: 'x' });
    await during(async () => {
      await send();
      await send();
    });
    expect(texts()).toHaveLength(2);
    expect(texts()[1]).toMatch(
      /^refused GET with 503 jwks_unavailable: .* run: npx oauth-resource-server check https:\/\/issuer\.example\.com\. /,
    );
    step(61);
    await during(send);
    expect(texts()).toHaveLength(3);
  });

  it('names the place of the metadata in the command that finds out more', async () => {
    const metadataUrl = 'https://issuer.example.com/metadata';
    const server = createResourceServer({
      issuer: { issuer: issuer.identifier, metadataUrl },
      audience: issuer.options.audience,
      fetch: () => Promise.reject(new Error('down')),
    });
    await expect(server.verify(await issuer.token())).rejects.toThrow();
    expect(texts()[0]).toContain(`check ${issuer.identifier} --metadata-url=${metadataUrl}.`);
  });

  it('puts nothing into the command that a shell would take for more than text', async () => {
    const metadataUrl = 'https://issuer.example.com/metadata?a=1&b=$(id)';
    const server = createResourceServer({
      issuer: { issuer: issuer.identifier, metadataUrl },
      audience: issuer.options.audience,
      fetch: () => Promise.reject(new Error('down')),
    });
    await expect(server.verify(await issuer.token())).rejects.toThrow();
    expect(texts()[0]).toContain(`check ${issuer.identifier}. `);
  });

  it('each resource server warns on its own, also of tokens without a request', async () => {
    const servers = [develop(), develop()];
    for (const { send } of servers) await send({ aud: 'x' });
    const { issuer: trusted, audience } = issuer.options;
    const server = createResourceServer({ issuer: trusted, audience });
    await expect(server.verify(await issuer.token({ aud: 'x' }))).rejects.toThrow();
    expect(texts()).toHaveLength(3);
    expect(texts()[2]).toMatch(/^refused an access token with 401 aud_mismatch/);
  });

  it('other refusals are none, since clients cause them every day', async () => {
    const { send } = develop();
    await send({ exp: 1 });
    await send({ sub: undefined, client_id: undefined });
    expect(texts()).toEqual([]);
  });
});

it('docs/observability.md shows such a warning as it is', async () => {
  const { send } = develop({ audience: 'https://inventory.example.com' });
  await send({ aud: 'https://inventory.example.com/' });
  const [text = ''] = texts();
  const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
  expect(page).toContain(text.replace('GET', 'GET /stock/:sku'));
});

describe('nothing is shown', () => {
  it('in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { send, during } = develop();
    await send({ aud: 'x' });
    await during(send);
    expect(texts()).toEqual([]);
  });

  it("with refusalWarnings: 'off', as the testing kit has it", async () => {
    await develop({ refusalWarnings: 'off' }).send({ aud: 'x' });
    const server = createResourceServer(issuer.options);
    for (const { headers } of await issuer.forgeries())
      await server.authenticate(new Request('https://api.example.com', { headers: { ...headers } }));
    expect(texts()).toEqual([]);
  });

  it('while refusals are logged', async () => {
    const { send } = develop();
    const stop = logRefusals({ warn: () => undefined, info: () => undefined } as Pick<Console, 'warn'>);
    await send({ aud: 'x' });
    expect(texts()).toEqual([]);
    stop();
    await send({ aud: 'x' });
    expect(texts()).toHaveLength(1);
  });
});
