import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import winston from 'winston';
import { createResourceServer, InsufficientScopeError, logRefusals } from '../../src/index.js';
import { createTestIssuer, type TestIssuer } from '../../src/testing/index.js';
import { generateSigningKey } from '../../src/testing/signing-key.js';
import { json, paths, startMisbehavingIssuer, status } from '../support/misbehaving-issuer.js';
import { requestWith } from '../support/outcome.js';
import { protect, tokenBy } from '../support/protected-api.js';

const issuer = await createTestIssuer();
const server = createResourceServer(issuer.options);

type Line = Record<string, unknown>;

/** A stream for loggers to write to, and what they wrote. */
function collect() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { stream, lines, json: () => lines.map((line): Line => JSON.parse(line)) };
}

/** A logger as small as can be, and what it was told. */
function createRecorder(levels = ['info', 'warn']) {
  const calls: unknown[][] = [];
  const entries = levels.map((level) => [level, (...given: unknown[]) => calls.push([level, ...given])]);
  return { logger: Object.fromEntries(entries), calls };
}

function start(...given: Parameters<typeof logRefusals>): () => void {
  const stop = logRefusals(...given);
  onTestFinished(stop);
  return stop;
}

/** Has requests refused with 401 and 403. */
async function refuseTwo(by = server, from: TestIssuer = issuer): Promise<void> {
  await by.authenticate(requestWith(`Bearer ${await from.token({ aud: 'https://api.example.com/' })}`));
  const auth = await by.verify(await from.token());
  by.deny(new InsufficientScopeError('claims_not_met'), auth, [], {
    method: 'PUT',
    url: 'https://api.example.com/stock/42',
    route: '/stock/:sku',
    header: () => undefined,
  });
}

const HINT = 'the audience differs from a configured one only by case or by a trailing slash';
const REFUSED_401 = { method: 'GET', status: 401, reason: 'aud_mismatch', hint: HINT };
const REFUSED_403 = {
  method: 'PUT',
  route: '/stock/:sku',
  status: 403,
  reason: 'claims_not_met',
  issuer: issuer.identifier,
  clientId: 'test-client',
};

describe('refusals are logged', { tags: ['OPS-18'] }, () => {
  it('by pino, with fields', async () => {
    const { stream, json } = collect();
    start(pino({ base: null, timestamp: false }, stream));
    await refuseTwo();
    expect(json()).toEqual([
      { level: 30, msg: 'request refused', ...REFUSED_401 },
      { level: 30, msg: 'request refused', ...REFUSED_403 },
    ]);
  });

  it('by winston, with fields', async () => {
    const { stream, json } = collect();
    const transports = [new winston.transports.Stream({ stream })];
    start(winston.createLogger({ transports, format: winston.format.json() }));
    await refuseTwo();
    expect(json()).toEqual([
      { level: 'info', message: 'request refused', ...REFUSED_401 },
      { level: 'info', message: 'request refused', ...REFUSED_403 },
    ]);
  });

  it('by console, as a line that can be read', async () => {
    const { stream, lines } = collect();
    start(new Console({ stdout: stream, stderr: stream, inspectOptions: { breakLength: Infinity } }));
    await refuseTwo();
    expect(lines.map((line) => line.trim())).toEqual([
      `request refused { method: 'GET', status: 401, reason: 'aud_mismatch', hint: '${HINT}' }`,
      expect.stringMatching(/^request refused \{.*clientId: 'test-client'/s),
    ]);
  });

  it("by Nest's logger, with fields", async () => {
    const seen: unknown[][] = [];
    class Recorder extends ConsoleLogger {
      override log(...given: unknown[]): void {
        seen.push(given);
      }
    }
    Logger.overrideLogger(new Recorder());
    onTestFinished(() => Logger.overrideLogger(new ConsoleLogger()));
    start(new Logger('access'));
    await refuseTwo();
    expect(seen).toEqual([
      ['request refused', REFUSED_401, 'access'],
      ['request refused', REFUSED_403, 'access'],
    ]);
  });

  it('of tokens that came without a request, too', async () => {
    const { logger, calls } = createRecorder();
    start(logger);
    await expect(server.verify('a.b.c')).rejects.toThrow();
    expect(calls).toEqual([['info', { status: 401, reason: 'malformed_token' }, 'request refused']]);
  });

  it('until that is stopped, for this logger alone', async () => {
    const [first, second] = [createRecorder(), createRecorder()];
    const stop = start(first.logger);
    start(second.logger);
    stop();
    stop();
    await refuseTwo();
    expect([first.calls.length, second.calls.length]).toEqual([0, 2]);
  });

  it('at the level that pino has by then', async () => {
    const { stream, json } = collect();
    const logger = pino({ level: 'silent' }, stream);
    start(logger);
    await refuseTwo();
    logger.level = 'info';
    await refuseTwo();
    expect(json()).toHaveLength(2);
  });

  it('at levels of your choice', async () => {
    const { logger, calls } = createRecorder(['warn', 'debug', 'warning']);
    start(logger, { level: 'debug', outageLevel: 'warning' });
    await refuseTwo();
    issuer.goDown();
    onTestFinished(() => issuer.comeBack());
    await createResourceServer(issuer.options).authenticate(requestWith(`Bearer ${await issuer.token()}`));
    expect(calls.map(([level]) => level)).toEqual(['debug', 'debug', 'warning', 'warning']);
  });

  it.each([
    ['a level that the logger lacks', [console, { level: 'silly' }], 'the logger has no method "silly"'],
    ['no logger', [{}], 'the logger has no method "log"'],
    ['nothing', [undefined], 'the logger is an object, got undefined'],
    ['a name', ['pino'], 'the logger is an object, got string'],
  ])('not with %s: that is said at once', (_what, given, message) => {
    expect(() => logRefusals(...(given as Parameters<typeof logRefusals>))).toThrow(
      new TypeError(`logRefusals: ${message}`),
    );
  });

  it('not with an unknown option: that is said at once', () => {
    expect(() => logRefusals(console, { levels: 'x' } as object)).toThrow(
      'unknown option "levels" in logRefusals; did you mean level? Known are level, outageLevel',
    );
  });
});

describe('what leads to refusals with 503 is logged', { tags: ['OPS-18'] }, () => {
  it('when keys are out of reach, and when they are back', async () => {
    const key = await generateSigningKey('ES256', 'key-1');
    const remote = await startMisbehavingIssuer();
    remote.script(paths.jwks, status(500));
    const { logger, calls } = createRecorder();
    start(logger);
    const api = protect({ issuer: { issuer: remote.url, jwksUri: `${remote.url}${paths.jwks}` } });
    await api.get(tokenBy(key, remote.url));
    remote.script(paths.jwks, json({ keys: [key.jwk] }));
    api.step(60);
    expect(await api.get(tokenBy(key, remote.url))).toBe('200');
    api.step(3600);
    expect(await api.get(tokenBy(key, remote.url))).toBe('200');
    const reason = 'jwks_unavailable';
    // Issuers of other tests may still be tried in the background.
    const own = calls.filter(([, fields]) => [undefined, remote.url].includes(Object(fields).issuer));
    expect(own).toEqual([
      ['warn', { issuer: remote.url, reason, detail: 'status 500', keys: 0 }, 'keys not loaded'],
      ['warn', { method: 'GET', status: 503, reason }, 'request refused'],
      ['info', { issuer: remote.url, keys: 1 }, 'keys loaded again'],
    ]);
  });

  it('when an introspection endpoint fails, is left alone, and answers again', async () => {
    const remote = await startMisbehavingIssuer();
    const endpoint = `${remote.url}/introspect`;
    remote.script('/introspect', status(429)); // sure to be about the server, not the token
    const introspection = { clientId: 'api', clientSecret: 'canary-secret', endpoint };
    const { logger, calls } = createRecorder();
    start(logger);
    const api = protect({ issuer: { issuer: remote.url, introspection } });
    for (let count = 0; count < 5; count += 1) await api.get(`opaque-${count}`);
    remote.script('/introspect', json({ active: false }));
    api.step(2);
    expect(await api.get('opaque-6')).toBe('401 token_inactive');
    const failed = { issuer: remote.url, reason: 'introspection_unavailable', detail: 'status 429' };
    const told = calls.filter(([, , message]) => message !== 'request refused');
    expect(told).toEqual([
      ...Array(5).fill(['warn', failed, 'introspection failed']),
      ['warn', { ...failed, seconds: 1 }, 'introspection suspended'],
      ['info', { issuer: remote.url }, 'introspection resumed'],
    ]);
    expect(JSON.stringify(calls)).not.toContain('canary');
  });

  it('when a function of the application fails, and when an issuer publishes what it must not', async () => {
    const key = await generateSigningKey('ES256', 'key-1');
    const { logger, calls } = createRecorder();
    start(logger);
    const jwks = () => ({ keys: [key.jwk, { kty: 'oct', k: 'canary-key', kid: 'x' }] });
    const isRevoked = () => {
      throw new TypeError('canary');
    };
    const api = protect({ issuer: { issuer: 'https://auth.example.com', jwks }, isRevoked });
    expect(await api.get(tokenBy(key, 'https://auth.example.com'))).toBe('503 revocation_unavailable');
    const warning = 'function or option of the application failed';
    expect(calls).toEqual([
      ['warn', { issuer: 'https://auth.example.com', detail: 'symmetric key' }, 'key not used'],
      ['warn', { source: 'isRevoked', detail: 'TypeError' }, warning],
      ['warn', { method: 'GET', status: 503, reason: 'revocation_unavailable' }, 'request refused'],
    ]);
  });
});
