import { afterAll, describe, expect, it } from 'vitest';
import { createTestIssuer } from '../../src/testing/index.js';
import { send } from '../support/http-client.js';
import { type Configuration, type ContractRow, contract, forgeryRow, optionsOf } from './contract.js';
import { forgedProofRow, forgedRequest } from './dpop-rows.js';
import { expectAnswer, expectSameAsGet } from './expect-answer.js';
import type { Running } from './harnesses/harness.js';
import { harnesses } from './harnesses/index.js';

const issuer = await createTestIssuer();
const forgeries = await issuer.forgeries({ scope: 'read:inventory' });
const forgeProofs = () => issuer.dpopForgeries(forgedRequest, { scope: 'read:inventory' });
const forgedProofs = await forgeProofs();
const rows: readonly ContractRow[] = [...contract, ...forgeries.map(forgeryRow)];

describe.each(harnesses)('$name', (harness) => {
  const running = new Map<Configuration, Promise<Running>>();
  const serverOf = (configuration: Configuration): Promise<Running> => {
    const started =
      running.get(configuration) ??
      harness.start(
        optionsOf(configuration, issuer),
        undefined,
        configuration === 'trusting proxies',
        configuration !== 'without CORS',
      );
    running.set(configuration, started);
    return started;
  };

  afterAll(async () => {
    for (const started of running.values()) await (await started).close();
  });

  const ran = new Set<string>();
  // Made when the first of them is sent: on a slow machine they would be too old by then.
  let fresh: ReturnType<typeof forgeProofs> | undefined;
  const proofRows = forgedProofs.map((forgery, index): ContractRow => {
    const request = async () => {
      fresh ??= forgeProofs();
      return forgedProofRow((await fresh)[index] ?? forgery).request(issuer, '');
    };
    return { ...forgedProofRow(forgery), request };
  });
  const all = [...rows, ...proofRows];

  for (const { title, ids = [], configuration = 'default', request, expected } of all) {
    it(title, { tags: [...ids] }, async () => {
      ran.add(title);
      const server = await serverOf(configuration);
      const before = server.handled();
      const response = await send(server.url, await request(issuer, server.url));
      expectAnswer(response, expected);
      const isHandled =
        response.status < 300 &&
        !('ok' in (expected.body ?? {}) && expected.status === 200) &&
        expected.status !== 204;
      expect(server.handled() - before).toBe(isHandled ? 1 : 0);
    });
  }

  it('has run every row', () => {
    expect(all.map(({ title }) => title).filter((title) => !ran.has(title))).toEqual([]);
  });

  it.each(['Bearer', 'Bearer abc', 'Basic abc'])(
    'answers HEAD with the fields of GET: %s',
    { tags: ['BRR-30'] },
    async (line) => {
      const { url } = await serverOf('default');
      const headers = [['Authorization', line]] as const;
      expectSameAsGet(
        await send(url, { method: 'HEAD', path: '/stock/42', headers }),
        await send(url, { path: '/stock/42', headers }),
      );
    },
  );
});
