import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startDevIssuer } from '../../examples/demo/authorization-servers/dev-issuer.js';
import { type Demo, runCommandLine } from '../../examples/demo/command-line.js';
import { conclude } from '../../examples/demo/demo.js';
import { summariseAnswers } from '../../examples/demo/summary.js';
import type { Chapter } from '../../examples/demo/system/chapter.js';
import { formatChapter } from '../../examples/demo/system/format-chapter.js';
import { createOrders } from '../../examples/demo/system/orders.js';
import type { System } from '../../examples/demo/system/system.js';
import { createWatch } from '../../examples/demo/system/watch.js';
import type { Row } from '../../examples/demo/what-opens/check.js';
import { formatTable } from '../../examples/demo/what-opens/table.js';

const row: Row = {
  framework: 'Express 5',
  situation: 'authorization server running',
  check: {
    summary: 'token without the scope',
    request: 'POST /stock/42/reservations',
    token: 'read:inventory',
    expected: { status: 403, answer: 'Bearer error="insufficient_scope"', description: 'a scope is missing' },
  },
  outcome: { status: 201, answer: '{"reserved":1}', description: undefined, retryAfterSeconds: 0 },
  passed: false,
};

const chapter: Chapter = {
  title: 'Orders come in',
  events: [{ text: 'something happened', orders: 7 }],
  rows: [
    {
      framework: 'Fastify 5',
      placed: 10,
      failures: ['503, Retry-After: 1', '503, Retry-After: 1'],
      lost: 1,
      tokens: 3,
      unanswered: 4,
      refused: 5,
    },
  ],
  findings: [
    { text: 'no order failed', holds: false },
    { text: 'orders are counted', holds: true },
  ],
};

describe('what the demo prints when something goes wrong', () => {
  it('says what was expected and what came', () => {
    const table = formatTable([row, { ...row, framework: 'Fastify 5', passed: true }]);
    expect(table).toMatch(/FAIL +403 +201 +POST \/stock\/42\/reservations/);
    expect(table).toMatch(/expected +403 .+\n +came +201 /);
    expect(table.match(/came/g)).toHaveLength(1);
  });

  it('says which orders failed and what is not as it must be', () => {
    const text = formatChapter(chapter);
    expect(text).toMatch(/Fastify 5 +12 +2 +3 +4 +5$/m);
    expect(text.match(/Fastify 5: 503, Retry-After: 1/g)).toHaveLength(1);
    expect(text).toMatch(/FAIL {2}no order failed\n +ok {4}orders are counted/);
    expect(text).toMatch(/after 7 orders +something happened/);
  });

  it('counts both', () => {
    const told: string[] = [];
    const tell = (paragraph: string) => told.push(paragraph);
    const onBehalf: Chapter = { ...chapter, title: 'On behalf of the caller' };
    const rows = [row, { ...row, passed: true }];
    const played = { rows, chapters: [chapter], onBehalf, kills: 2, seconds: 3 };
    expect(conclude(played, tell, { verbose: true }).unexpected).toBe(3);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('killed 2 times; 12 orders; 1 lost while a token was valid\n1 orders got 503');
    expect(told[0]).toContain(': 12 orders on behalf of the caller; 1 got 503 meanwhile; 1 lost\n');
    expect(told[0]).toContain('\n3 of 6 checks passed in 3.0 seconds: ');
  });

  it('shows in full what was wrong, if it has not done so before', () => {
    const told: string[] = [];
    const right: Chapter = { ...chapter, title: 'All is well', findings: [] };
    const rows = [row, { ...row, framework: 'Fastify 5', passed: true }];
    const onBehalf: Chapter = { ...chapter, title: 'On behalf of the caller' };
    const played = { rows, chapters: [right, chapter], onBehalf, kills: 2, seconds: 3 };
    conclude(played, (paragraph) => told.push(paragraph));
    expect(told).toHaveLength(4);
    expect(told[0]).toContain('came      201');
    expect(told[0]).not.toContain('Fastify 5');
    expect(told[1]).toContain('Orders come in');
    expect(told[2]).toContain('On behalf of the caller');
    expect(summariseAnswers(rows)).toMatch(/^token without the scope +201, not 403 +201$/m);
  });
});

describe('the command line of the demo', () => {
  const notStarted = async (): Promise<never> => {
    throw new Error('the demo is not played here');
  };
  const servers = { first: () => notStarted(), second: () => notStarted() };
  const run = async (args: readonly string[], unexpected = 0) => {
    const started: unknown[] = [];
    const printed: string[] = [];
    const demo: Demo = async (server, _tell, { verbose }) => {
      started.push([Object.values<unknown>(servers).indexOf(server), verbose]);
      return { unexpected };
    };
    const exitCode = await runCommandLine(args, servers, demo, (paragraph) => printed.push(paragraph));
    return { exitCode, started, printed };
  };

  it.each([
    ['the first authorization server by default', [], 0, false],
    ['the one that is named', ['--authorization-server', 'first'], 0, false],
    ['the one that is named after a sign of equality', ['--authorization-server=second'], 1, false],
    ['the wish for all of it', ['--verbose', '--authorization-server=second'], 1, true],
  ])('takes %s', async (_name, args, index, verbose) => {
    expect(await run(args)).toEqual({ exitCode: 0, started: [[index, verbose]], printed: [] });
  });

  it('ends with 1 when something was not as it must be', async () => {
    expect((await run([], 1)).exitCode).toBe(1);
  });

  it.each([
    ['an unknown authorization server', ['--authorization-server', 'third']],
    ['a name that every object knows', ['--authorization-server', 'toString']],
    ['an empty name', ['--authorization-server=']],
    ['no name', ['--authorization-server']],
    ['an unknown option', ['--server', 'first']],
    ['something else', ['first']],
  ])('ends with 2 and the usage for %s', async (_name, args) => {
    const { exitCode, started, printed } = await run(args);
    expect({ exitCode, started }).toEqual({ exitCode: 2, started: [] });
    expect(printed).toEqual(['usage: npm run demo -- [--authorization-server first|second] [--verbose]']);
  });
});

describe('an order that fails', () => {
  const place = async (
    status: number,
    headers: Record<string, string>,
    hasValidToken: boolean[],
    wasDown: boolean,
  ) => {
    const webShop = { fetch: async () => new Response('', { status, headers }) };
    const tally = { hasValidToken: () => hasValidToken.shift() };
    const pair = { orderServiceUrl: 'http://127.0.0.1:1', tally, wasDownSince: () => wasDown };
    // As much of a system as an order needs.
    const system = { pairs: [pair], webShop, book: { placed: 0 }, watch: createWatch() } as unknown as System;
    const orders = createOrders(system);
    await orders.once();
    const [only] = system.pairs;
    return only && orders.countsOf(only);
  };

  it.each([
    ['is lost if there was a token', 503, { 'retry-after': '1' }, [true, false], 1],
    ['is lost if there is one by then', 503, { 'retry-after': '1' }, [false, true], 1],
    ['is lost without Retry-After', 503, {}, [false, false], 1],
    ['is lost with another status', 500, { 'retry-after': '1' }, [false, false], 1],
    ['is excused without a token', 503, { 'retry-after': '1' }, [false, false], 0],
    ['is excused while a service is down', 503, { 'retry-after': '1' }, [true, true], 0, true],
    ['is lost with another status while a service is down', 500, {}, [true, true], 1, true],
    ['is lost with 401 while a service is down', 401, { 'retry-after': '1' }, [true, true], 1, true],
  ])('%s', async (_name, status, headers, tokens, lost, wasDown = false) => {
    const counts = await place(
      status,
      headers as Record<string, string>,
      tokens as boolean[],
      wasDown as boolean,
    );
    expect(counts).toMatchObject({ placed: 0, lost });
  });
});

describe('waiting for something to happen', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("ends when it's true, at once or after a change", async () => {
    const watch = createWatch();
    let count = 1;
    await watch.until('there is one', () => count === 1);
    const two = watch.until('there are two', () => count === 2);
    count = 2;
    watch.changed();
    await two;
  });

  it("ends with an error if it doesn't become true", async () => {
    vi.useFakeTimers();
    const watch = createWatch();
    const never = expect(watch.until('pigs fly', () => false)).rejects.toThrow(
      'waited 30 seconds until pigs fly',
    );
    await vi.advanceTimersByTimeAsync(30_000);
    await never;
  });
});

it("reports an authorization server that doesn't start, and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stage-'));
  const program = join(folder, 'program.mjs');
  await writeFile(program, 'process.exitCode = 3;');
  vi.stubEnv('TMPDIR', folder);
  try {
    await expect(startDevIssuer(program)).rejects.toThrow('the authorization server ended with exit code 3');
    expect(await readdir(folder)).toEqual(['program.mjs']);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});
