import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { authenticate, requireScope } from '../../adapters/express/index.js';
import { type ApiClient, type ClientMessage, clientChannel } from '../../src/client/index.js';
import { listenTo } from '../support/listen-to.js';
import { isFullSize } from '../support/size.js';
import {
  INVENTORY,
  LIFETIME_SECONDS,
  type RealAuthorizationServer,
  registered,
  startRealAuthorizationServer,
} from './support/authorization-server.js';
import { JWT_BEARER } from './support/jwt-bearer-grant.js';
import { makeClient, makeJwtBearer } from './support/make-client.js';
import { close, listen } from './support/token-endpoint.js';
import { makeAssertion, mountVolume, startKms } from './support/workload-platform.js';

const SECRET = 'a secret: +/%&=~*"quoted"';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const platform = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey };
const kms = startKms('in-the-kms');
const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' });

let server: RealAuthorizationServer;

beforeAll(async () => {
  const bySecret = { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic' } as const;
  const byKey = {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [jwk(publicKey, 'here'), kms.jwk] },
  } as const;
  server = await startRealAuthorizationServer(
    [
      registered('order-service', bySecret),
      registered('keyed', byKey),
      registered('anonymous', { token_endpoint_auth_method: 'none', grant_types: [JWT_BEARER] }),
    ],
    true,
    platform,
  );
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(() => server.stop());

/** In which time passes in an outage. */
const STEP_SECONDS = isFullSize ? 1 : 4;

/** A client of the real server, and where it has its credential from. */
interface Mode {
  readonly client: ApiClient;
  /** The platform hands out new assertions, so it's asked to now and then. */
  refresh?(): void;
  /** There's nothing to be had there for a while. */
  setSource?(isDown: boolean): Promise<void>;
  /** Whether what was had there last serves on. */
  readonly lastServes?: boolean;
}

interface ModeOptions {
  readonly origins: readonly string[];
  readonly random: () => number;
}

function commonOptions(options: ModeOptions) {
  // More than the time that passes during a request, which would be given up as after a freeze.
  const timeoutSeconds = 60;
  return { issuer: server.issuer, scope: 'read:inventory', resource: INVENTORY, timeoutSeconds, ...options };
}

/** A file with an assertion that's new at each refresh. */
function fileMode(makeToken: () => string, connect: (file: string) => ApiClient): Mode {
  const volume = mountVolume();
  let isDown = false;
  const refresh = () => {
    if (!isDown) volume.write(makeToken());
  };
  refresh();
  return {
    client: connect(volume.file),
    refresh,
    async setSource(down) {
      isDown = down;
      if (down) volume.remove();
      else refresh();
    },
  };
}

/**
 * How a service gets its tokens: a way to authenticate, a grant, a kind of token. Another one is a line here.
 */
const MODES: Readonly<Record<string, (options: ModeOptions) => Mode>> = {
  'a secret': (options) => ({ client: makeClient({ ...commonOptions(options), clientSecret: SECRET }) }),
  'a secret from a function': (options) => {
    const vault = { isDown: false };
    const clientSecret = async () => {
      if (vault.isDown) throw new Error('canary');
      return SECRET;
    };
    return {
      client: makeClient({ ...commonOptions(options), clientSecret }),
      setSource: async (isDown) => void Object.assign(vault, { isDown }),
      lastServes: true,
    };
  },
  private_key_jwt: (options) => ({
    client: makeClient({ ...commonOptions(options), clientId: 'keyed', privateKey, keyId: 'here' }),
  }),
  'a key in a KMS': (options) => ({
    client: makeClient({ ...commonOptions(options), clientId: 'keyed', privateKey: kms.signer }),
    setSource: async (isDown) => void Object.assign(kms, { isDown }),
  }),
  'a client assertion in a file': (options) =>
    fileMode(
      () => makeAssertion(privateKey, { issuer: 'keyed', audience: server.issuer }),
      (file) => makeClient({ ...commonOptions(options), clientId: 'keyed', clientAssertion: { file } }),
    ),
  'the JWT bearer grant': (options) =>
    fileMode(
      () => makeAssertion(platform.key, { audience: server.issuer }),
      (file) => makeJwtBearer({ ...commonOptions(options), clientId: 'anonymous', assertion: { file } }),
    ),
  DPoP: (options) => ({
    client: makeClient({ ...commonOptions(options), clientSecret: SECRET, dpop: true }),
  }),
};

describe.each(Object.entries(MODES))('a service with %s', (_name, connect) => {
  let inventory: string;

  beforeEach(async () => {
    const app = express();
    app.use(authenticate({ issuer: server.issuer, audience: INVENTORY }));
    app.get('/stock/:sku', requireScope('read:inventory'), (req, res) => void res.json(req.params.sku));
    const api = createServer(app);
    onTestFinished(() => close(api));
    inventory = await listen(api);
  });

  const call = async (client: ApiClient): Promise<number> => {
    const response = await client.fetch(`${inventory}/stock/42`);
    await response.text();
    return response.status;
  };

  /** The whole process lives later by so much: authorization server, API and client. */
  const passTime = (seconds: number, mode: Mode): void => {
    vi.setSystemTime(Date.now() + seconds * 1000);
    mode.refresh?.();
  };

  it('makes thousands of calls over three lifetimes of a token with four requests for one at most', {
    tags: ['CLI-13', 'CLI-14'],
    timeout: 300_000,
  }, async () => {
    const [calls, atOnce] = isFullSize ? [10_000, 50] : [200, 5];
    const mode = connect({ origins: [inventory], random: Math.random });
    const granted = listenTo<ClientMessage>(clientChannel);
    const statuses = new Map<number, number>();
    for (let done = 0; done < calls; done += atOnce) {
      for (const status of await Promise.all(Array.from({ length: atOnce }, () => call(mode.client))))
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // An assertion that's on its way would be too old after such a step.
      const count = (...events: string[]) => granted.filter(({ event }) => events.includes(event)).length;
      const isIdle = () => count('requested') === count('renewed', 'failed');
      if (!isIdle()) await vi.waitUntil(isIdle, { interval: 1, timeout: 10_000 });
      passTime((3 * LIFETIME_SECONDS * atOnce) / calls, mode);
    }
    expect(statuses).toEqual(new Map([[200, calls]]));
    const requests = granted.filter(({ event }) => event === 'requested').length;
    expect(requests).toBeGreaterThanOrEqual(3);
    expect(requests).toBeLessThanOrEqual(4);
    expect(granted.filter(({ event }) => event === 'failed')).toEqual([]);
  });

  it('makes every call while the authorization server, or the source of the credential, is down for a minute', {
    tags: ['CLI-16'],
  }, async () => {
    const mode = connect({ origins: [inventory], random: () => 0 });
    const messages = listenTo<ClientMessage>(clientChannel);
    const setServer = (isDown: boolean) => (isDown ? server.stop() : server.start());
    const outages = [{ setDown: setServer, reasons: ['unreachable'] }];
    const reasons = mode.lastServes ? [] : ['credential_unavailable', 'assertion_failed'];
    if (mode.setSource !== undefined) outages.push({ setDown: mode.setSource, reasons });
    expect(await call(mode.client)).toBe(200);
    for (const { setDown, reasons } of outages) {
      const before = messages.length;
      const { expiresAt } = await mode.client.getToken();
      passTime(expiresAt - 62 - Date.now() / 1000, mode);
      await setDown(true);
      for (let second = 0; second < 60; second += STEP_SECONDS) {
        expect(await call(mode.client)).toBe(200);
        passTime(STEP_SECONDS, mode);
      }
      const failures = () => messages.slice(before).filter(({ event }) => event === 'failed');
      // On a busy machine, these steps may be over before the second attempt.
      if (reasons.length > 0) await vi.waitUntil(() => failures().length > 1, { timeout: 10_000 });
      await setDown(false);
      expect(failures().filter(({ reason = 'closed' }) => !reasons.includes(reason))).toEqual([]);
      for (let second = 0; second < 8; second += STEP_SECONDS) {
        expect(await call(mode.client)).toBe(200);
        passTime(STEP_SECONDS, mode);
      }
      await vi.waitUntil(() => messages.at(-1)?.event === 'renewed');
    }
  });
});
