import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { channels, type WarningMessage } from '../../../src/diagnostics.js';
import type { ClientCredential } from '../../../src/issuer/client-authentication.js';
import {
  type AskedCredential,
  CredentialSource,
  CredentialUnavailable,
} from '../../../src/issuer/credential-source.js';
import { checkAssertionSource } from '../../../src/options/credential.js';
import { createClientCertificate } from '../../../src/testing/index.js';
import { listenTo } from '../../support/listen-to.js';

const CANARY = 'canary-hunter2';
const { signal } = new AbortController();
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A source whose function counts its calls, and a server that takes one secret only. */
function scene(answers: () => unknown, { rememberSeconds = 60, timeoutSeconds = 5 } = {}) {
  let [now, calls] = [0, 0];
  const ask = () => {
    calls += 1;
    return answers();
  };
  const settings: AskedCredential = { kind: 'asked', name: 'clientSecret', ask, method: undefined };
  const source = new CredentialSource(settings, { rememberSeconds, timeoutSeconds, clock: () => now });
  const sent: string[] = [];
  const refusal = new Error('refused');
  const use = (accepts: (secret: string) => boolean = () => true) =>
    source.use(
      async (credential: ClientCredential) => {
        const secret = credential.kind === 'secret' ? credential.clientSecret : credential.kind;
        sent.push(secret);
        if (!accepts(secret)) throw refusal;
        return secret;
      },
      (error) => error === refusal,
      signal,
    );
  return {
    use,
    sent,
    refusal,
    calls: () => calls,
    step: (seconds: number) => {
      now += seconds * 1000;
    },
  };
}

describe('a credential from a function', () => {
  it('is used for a while, and asked for again afterwards', { tags: ['CLI-02'] }, async () => {
    let secret = 'one';
    const { use, calls, step } = scene(() => secret);
    expect([await use(), await use()]).toEqual(['one', 'one']);
    expect(calls()).toBe(1);
    secret = 'two';
    step(59.9);
    expect(await use()).toBe('one');
    step(0.2);
    expect(await use()).toBe('two');
    expect(calls()).toBe(2);
  });

  it('is asked for each time if nothing is remembered', async () => {
    const { use, calls } = scene(async () => 'one', { rememberSeconds: 0 });
    await use();
    await use();
    expect(calls()).toBe(2);
  });

  it('is asked for once by all who need it at the same time', async () => {
    const { use, calls } = scene(async () => 'one', { rememberSeconds: 0 });
    expect(await Promise.all([use(), use(), use()])).toEqual(['one', 'one', 'one']);
    expect(calls()).toBe(1);
  });

  it('is asked for again when it is refused, and another one is tried once', {
    tags: ['CLI-02'],
  }, async () => {
    const secrets = ['one', 'two', 'three'];
    const first = scene(() => secrets.shift());
    expect(await first.use((secret) => secret === 'two')).toBe('two');
    expect(first.sent).toEqual(['one', 'two']);

    const others = ['one', 'two', 'three'];
    const second = scene(() => others.shift());
    await expect(second.use((secret) => secret === 'three')).rejects.toBe(second.refusal);
    expect(second.sent).toEqual(['one', 'two']);
  });

  it('is not tried again if it is the same one, or cannot be had', async () => {
    const same = scene(() => 'one');
    await expect(same.use(() => false)).rejects.toBe(same.refusal);
    expect([same.sent, same.calls()]).toEqual([['one'], 2]);

    let calls = 0;
    const failing = scene(() => {
      calls += 1;
      if (calls > 1) throw new Error(CANARY);
      return 'one';
    });
    await expect(failing.use(() => false)).rejects.toBe(failing.refusal);
    expect(failing.sent).toEqual(['one']);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new RangeError(CANARY)), 'RangeError'],
    ['hangs', () => new Promise(() => undefined), 'time-out'],
    ['returns an empty string', () => '', 'it returned an empty string'],
  ])(
    'stays in use while the function %s, which is asked again after a while',
    {
      tags: ['CLI-16'],
    },
    async (_how, failing, detail) => {
      const warnings = listenTo<WarningMessage>(channels.warning);
      let answer: () => unknown = () => 'one';
      const { use, calls, step } = scene(() => answer(), { timeoutSeconds: 0.1 });
      await use();
      answer = failing;
      step(60);
      expect(await Promise.all([use(), use()])).toEqual(['one', 'one']);
      await vi.waitUntil(() => warnings.length > 0);
      expect(await use()).toBe('one');
      expect([calls(), warnings]).toEqual([2, [{ source: 'clientSecret', detail }]]);
      answer = () => 'two';
      step(60);
      expect(await use()).toBe('two');
    },
  );

  it('may take the whole time limit, of which the last one waits for half', {
    tags: ['CLI-02', 'CLI-16'],
  }, async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let secret = 'one';
    const ask = async () => {
      const answer = secret;
      await new Promise((resolve) => void setTimeout(resolve, 6000));
      return answer;
    };
    const settled = async <T>(promise: Promise<T>, seconds: number): Promise<T | undefined> => {
      let outcome: T | undefined;
      promise.then((value) => {
        outcome = value;
      });
      await vi.advanceTimersByTimeAsync(seconds * 1000 + 1);
      return outcome;
    };
    const { use, step } = scene(ask, { timeoutSeconds: 10 });
    expect(await settled(use(), 6)).toBe('one');
    secret = 'two';
    step(60);
    expect(await settled(use(), 5)).toBe('one');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await settled(use(), 0)).toBe('two');
    secret = 'three';
    const isAccepted = (sent: string) => sent === 'three';
    expect(await settled(use(isAccepted), 6)).toBe('three'); // refused, and asked for again
    const token = new CredentialSource(
      { kind: 'asked', name: 'accessToken', ask },
      { timeoutSeconds: 10, clock: Date.now },
    );
    expect(await settled(token.get(), 6)).toMatchObject({ accessToken: 'three' });
    expect(await settled(token.get(), 6)).toMatchObject({ accessToken: 'three' });
  });

  it('is asked for once by all whose request was refused', async () => {
    let secret = 'one';
    const { use, calls } = scene(() => secret);
    await use();
    secret = 'two';
    expect(await Promise.all([1, 2, 3].map(() => use((sent) => sent === 'two')))).toEqual([
      'two',
      'two',
      'two',
    ]);
    expect(calls()).toBe(2);
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new RangeError(CANARY);
      },
      'RangeError',
    ],
    ['rejects', () => Promise.reject(new Error(CANARY, { cause: CANARY })), 'Error'],
    [
      'throws a string',
      () => {
        throw CANARY;
      },
      'string',
    ],
    ['returns nothing', () => undefined, 'it returned undefined'],
    ['returns an empty string', () => '', 'it returned an empty string'],
    ['returns an object', () => ({ secret: CANARY }), 'it returned object'],
    ['returns a file', () => CANARY.repeat(1000), 'it returned too long a string'],
  ])(
    'is an outage if the function %s, and nothing of it is told',
    { tags: ['OPS-01'] },
    async (_what, answer, told) => {
      const error: unknown = await scene(answer)
        .use()
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CredentialUnavailable);
      expect(error).toMatchObject({ message: `the function clientSecret: ${told}` });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
    },
  );

  it('is waited for for a limited time, and asked for anew after that', { tags: ['CLI-16'] }, async () => {
    const answers = [new Promise(() => undefined), 'one'];
    const { use, calls } = scene(() => answers.shift(), { timeoutSeconds: 0.02 });
    await expect(use()).rejects.toThrow('the function clientSecret: time-out');
    expect(await use()).toBe('one');
    expect(calls()).toBe(2);
  });

  it('ends the waiting of one whose request is over', async () => {
    const ask = () => new Promise(() => undefined);
    const settings: AskedCredential = { kind: 'asked', name: 'clientSecret', ask, method: undefined };
    const source = new CredentialSource(settings, {
      rememberSeconds: 60,
      timeoutSeconds: 60,
      clock: Date.now,
    });
    const never = async () => 'sent';
    await expect(source.use(never, () => false, AbortSignal.timeout(10))).rejects.toThrow(
      'the function clientSecret: time-out',
    );
  });
});

describe('a key from a function', () => {
  function keys(answers: () => unknown, more: object = {}) {
    const settings = { kind: 'asked', name: 'privateKey', ask: answers, audience: 'issuer' } as const;
    const given = { ...settings, keyId: undefined, algorithm: undefined, ...more };
    const source = new CredentialSource(given, { rememberSeconds: 0, timeoutSeconds: 5, clock: () => 0 });
    return () =>
      source.use(
        async (credential) => credential,
        () => false,
        signal,
      );
  }

  it.each<[string, unknown, object]>([
    ['a PEM', pem, { keyId: 'key-1' }],
    ['a JWK', { ...privateKey.export({ format: 'jwk' }), kid: 'key-1' }, {}],
    ['a KeyObject', privateKey, { keyId: 'key-1' }],
  ])('may be %s, and stays the same for as long as the answers are equal', async (_what, answer, more) => {
    const use = keys(
      () => (typeof answer === 'object' && 'kty' in Object(answer) ? { ...answer } : answer),
      more,
    );
    const credential = await use();
    expect(credential).toMatchObject({
      kind: 'key',
      audience: 'issuer',
      key: { keyId: 'key-1', algorithm: 'ES256' },
    });
    expect(await use()).toBe(credential);
  });

  it('stays the same if it is read into another KeyObject each time', async () => {
    const use = keys(() => createPrivateKey(pem));
    const credential = await use();
    expect(await use()).toBe(credential);
  });

  it('may be a signer, which stays the same for as long as it is the same object', async () => {
    const makeSigner = () => ({ sign: () => new Uint8Array(64), algorithm: 'ES256', keyId: 'key-1' });
    let signer = makeSigner();
    const use = keys(() => signer);
    const credential = await use();
    expect(credential).toMatchObject({ kind: 'key', key: { keyId: 'key-1', algorithm: 'ES256' } });
    expect(await use()).toBe(credential);
    signer = makeSigner();
    expect(await use()).not.toBe(credential);
  });

  it('is another one if the application changes its object in place', async () => {
    const jwk: Record<string, unknown> = { ...privateKey.export({ format: 'jwk' }), kid: 'key-1' };
    const use = keys(() => jwk);
    const credential = await use();
    jwk.kid = 'key-2';
    expect(await use()).not.toBe(credential);
    expect(await use()).toMatchObject({ key: { keyId: 'key-2' } });
  });

  it('is the same one whatever else its JWK has', { tags: ['CLI-02'] }, async () => {
    let calls = 0;
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'key-1' };
    const use = keys(() => {
      calls += 1;
      return { ...jwk, readAt: calls, renew: () => jwk, source: new WeakMap() };
    });
    const credential = await use();
    expect(credential).toMatchObject({ kind: 'key', key: { keyId: 'key-1', algorithm: 'ES256' } });
    expect(await use()).toBe(credential);
    expect(calls).toBe(2);
  });

  it.each<[string, unknown, object, string]>([
    ['no key', CANARY, {}, 'the key takes a private key for signatures'],
    [
      'a public key',
      generateKeyPairSync('ed25519').publicKey,
      {},
      'the key takes a private key for signatures',
    ],
    ['nothing', undefined, {}, 'the key takes a private key for signatures'],
    ['a key for another algorithm', privateKey, { algorithm: 'RS256' }, 'the key takes ES256 for this key'],
    [
      'a weak key',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
      {},
      'the key has an RSA key of less',
    ],
  ])('is an outage if it is %s', { tags: ['OPS-01'] }, async (_what, answer, more, told) => {
    const error: unknown = await keys(() => answer, more)().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CredentialUnavailable);
    expect(String(error)).toContain(`the function privateKey: ${told}`);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
  });
});

describe('a certificate', () => {
  function certificates(answers: () => unknown) {
    const settings = { kind: 'asked', name: 'certificate', ask: answers } as const;
    const source = new CredentialSource(settings, { rememberSeconds: 0, timeoutSeconds: 5, clock: () => 0 });
    return () => source.get();
  }

  it('stays the same for as long as its text does, in any form', { tags: ['CLI-02'] }, async () => {
    const [one, other] = [await createClientCertificate(), await createClientCertificate()];
    let current = one;
    let calls = 0;
    const forms: readonly (() => object)[] = [
      () => ({ cert: current.certificate, key: current.privateKey }),
      () => ({ cert: Buffer.from(current.certificate), key: Buffer.from(current.privateKey) }),
      () => ({ cert: new TextEncoder().encode(current.certificate), key: current.privateKey }),
      () => ({ cert: current.certificate, key: current.privateKey, renew: () => current, readAt: calls }),
    ];
    const use = certificates(() => {
      calls += 1;
      return forms[calls % forms.length]?.();
    });
    const credential = await use();
    for (let times = 0; times < 8; times += 1) expect(await use()).toBe(credential);
    current = other;
    const replaced = await use();
    expect(replaced).not.toBe(credential);
    expect(await use()).toBe(replaced);
  });

  it('is another one if the application changes its buffer in place', async () => {
    const cert = Buffer.from(pem); // no certificate
    const use = certificates(() => ({ cert, key: pem }));
    await expect(use()).rejects.toThrow('certificate.cert takes certificates in PEM');
    const { certificate, privateKey: key } = await createClientCertificate();
    const buffer = Buffer.from(certificate);
    const changing = certificates(() => ({ cert: buffer, key }));
    const first = await changing();
    buffer.fill(0);
    const warnings = listenTo<WarningMessage>(channels.warning);
    expect(await changing()).toBe(first);
    const detail = expect.stringContaining('certificate.cert takes certificates in PEM');
    expect(warnings).toEqual([{ source: 'certificate', detail }]);
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws when it is read',
      () => ({
        get cert() {
          throw new RangeError(CANARY);
        },
      }),
      'the function certificate: RangeError',
    ],
    ['is empty', () => ({}), 'the function certificate: certificate.cert takes PEM, got undefined'],
    ['is nothing', () => null, 'the function certificate: certificate takes an object, got null'],
  ])('is an outage if what a function returns %s', { tags: ['OPS-01'] }, async (_what, answer, message) => {
    const error: unknown = await certificates(answer)().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CredentialUnavailable);
    expect(error).toMatchObject({ message });
  });
});

describe('an assertion', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln';
  const source = (from: object, rememberSeconds = 60) => {
    const settings = { kind: 'asked', name: 'clientAssertion', ...checkAssertionSource(from, 'x') } as const;
    const asked = new CredentialSource(settings, { rememberSeconds, timeoutSeconds: 5, clock: () => 0 });
    return (accepts = (_sent: unknown) => true) =>
      asked.use(
        async (credential) => {
          if (!accepts(credential)) throw new RangeError('refused');
          return credential;
        },
        () => true,
        signal,
      );
  };
  function fileWith(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'assertion-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'token'), text);
    return join(folder, 'token');
  }

  it('is read from a file for each request, without the white space around it', {
    tags: ['CLI-16'],
  }, async () => {
    const file = fileWith(`\n${jwt}\r\n`);
    const use = source({ file });
    expect(await use()).toEqual({ kind: 'assertion', assertion: jwt });
    writeFileSync(file, `${jwt}2`);
    expect(await use()).toEqual({ kind: 'assertion', assertion: `${jwt}2` });
  });

  it('is read once more if the server refuses it, and sent only if it is another one', {
    tags: ['CLI-16'],
  }, async () => {
    const file = fileWith(jwt);
    const use = source({ file });
    const sent: unknown[] = [];
    const refuseFirst = (credential: unknown) => {
      writeFileSync(file, `${jwt}2`);
      return sent.push(credential) > 1;
    };
    expect(await use(refuseFirst)).toEqual({ kind: 'assertion', assertion: `${jwt}2` });
    sent.length = 0;
    const refuse = (credential: unknown) => sent.push(credential) < 0;
    await expect(use(refuse)).rejects.toThrow('refused');
    expect(sent).toHaveLength(1);
  });

  it('is asked for by each request, since servers take one only once', { tags: ['CLI-16'] }, async () => {
    let made = 0;
    const taken = new Set<unknown>();
    const use = source(async () => {
      made += 1;
      return `${jwt}${made}`;
    });
    const takesOnce = (credential: unknown) => {
      const { size } = taken;
      return taken.add(Reflect.get(Object(credential), 'assertion')).size > size;
    };
    const sent = await Promise.all(Array.from({ length: 10 }, () => use(takesOnce)));
    expect(new Set(sent.map((credential) => JSON.stringify(credential))).size).toBe(10);
    expect(made).toBe(10);
  });

  it("is asked for once more by each request that's refused", { tags: ['CLI-16'] }, async () => {
    let made = 0;
    const use = source(() => {
      made += 1;
      return `${jwt}${made}`;
    });
    const results = Array.from({ length: 5 }, () => {
      let times = 0;
      return use(() => {
        times += 1;
        return times > 1;
      });
    });
    const sent = (await Promise.all(results)).map((credential) => JSON.stringify(credential));
    expect(new Set(sent).size).toBe(5);
    expect(made).toBe(10);
  });

  it("isn't sent again if the function returns the refused one", { tags: ['CLI-16'] }, async () => {
    const sent: unknown[] = [];
    const refuse = (credential: unknown) => sent.push(credential) < 0;
    await expect(source(() => jwt)(refuse)).rejects.toThrow('refused');
    expect(sent).toHaveLength(1);
  });

  it.each<[string, () => object, string]>([
    ['a file that is missing', () => ({ file: '/nowhere/canary' }), 'the file clientAssertion: ENOENT'],
    ['a folder', () => ({ file: tmpdir() }), 'the file clientAssertion: EISDIR'],
    ['a file that is empty', () => ({ file: fileWith(' \n') }), 'the file clientAssertion: it is empty'],
    [
      'a large file',
      () => ({ file: fileWith('a'.repeat(16_385)) }),
      'the file clientAssertion: it is too long',
    ],
    [
      'a large file of few characters',
      () => ({ file: fileWith(`${jwt}${'\u3000'.repeat(6000)}`) }),
      'the file clientAssertion: it is too long',
    ],
    ['a device without end', () => ({ file: '/dev/zero' }), 'the file clientAssertion: it is too long'],
    [
      'a file with something else',
      () => ({ file: fileWith(CANARY) }),
      'the file clientAssertion: it is not a JWT',
    ],
    [
      'two of them',
      () => ({ file: fileWith(`${jwt}\n${jwt}`) }),
      'the file clientAssertion: it is not a JWT',
    ],
    [
      'a function that returns nothing',
      () => () => undefined,
      'the function clientAssertion: it returned undefined',
    ],
    [
      'a function with an encrypted one',
      () => () => `${jwt}.e.f`,
      'the function clientAssertion: it is not a JWT',
    ],
    [
      'a long one',
      () => () => `${jwt}${'a'.repeat(16_384)}`,
      'the function clientAssertion: it is not a JWT',
    ],
    [
      'a function that throws',
      () => () => Promise.reject(new RangeError(CANARY)),
      'the function clientAssertion: RangeError',
    ],
  ])(
    'is an outage that may pass if it is %s',
    { tags: ['CLI-16', 'OPS-01'] },
    async (_what, makeSource, message) => {
      const error: unknown = await source(makeSource())().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CredentialUnavailable);
      expect(error).toMatchObject({ message });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
    },
  );

  it.each<[string, unknown]>([
    ['itself', jwt],
    ['nothing', undefined],
    ['a file without a name', { file: '' }],
    ['something else', { path: '/a' }],
  ])('is given by a function or a file, not by %s', (_what, given) => {
    expect(() => checkAssertionSource(given, 'clientAssertion')).toThrow(/clientAssertion/);
    expect(() => checkAssertionSource(given, 'clientAssertion')).not.toThrow(/eyJ/);
  });
});
