import { describe, expect, it, vi } from 'vitest';
import {
  createIssuerMetadata,
  type IssuerMetadata,
  type MetadataPolicy,
} from '../../../src/issuer/metadata.js';
import type { EndpointName } from '../../../src/issuer/metadata-document.js';
import { stopTimers } from '../../support/protected-api.js';
import { type Page, simulateWeb } from '../../support/simulated-web.js';

const issuer = 'https://auth.example.com';
const oauth = 'https://auth.example.com/.well-known/oauth-authorization-server';
const openid = 'https://auth.example.com/.well-known/openid-configuration';
const POLICY: MetadataPolicy = { maxAgeSeconds: 600, staleIfErrorSeconds: 3_600, timeoutSeconds: 6 };

interface Scene {
  readonly metadata: IssuerMetadata;
  /** What was asked for, in order. */
  readonly visited: readonly string[];
  /** How often the first location was asked: once per load. */
  readonly loads: () => number;
  /** What a location answers from now on. */
  publishes(page: Page, url?: string): void;
  /** Where the keys are, as far as the metadata says; otherwise the reason why it doesn't. */
  find(signal?: AbortSignal): Promise<string>;
  /** Moves the clock on. */
  step(seconds: number): void;
}

/** The metadata of an issuer by a clock that stands still until it's moved. Timers stand still too. */
function setUp(wanted: readonly EndpointName[] = ['jwks_uri'], policy: Partial<MetadataPolicy> = {}): Scene {
  stopTimers();
  let now = Date.parse('2030-01-01T00:00:00Z');
  const pages = new Map<string, Page>([[oauth, naming('/jwks')]]);
  const answer = (url: string) => async () => {
    const page = pages.get(url) ?? missing;
    return typeof page === 'function' ? page() : Response.json(page);
  };
  const { fetch, visited } = simulateWeb({ [oauth]: answer(oauth), [openid]: answer(openid) });
  const source = { issuer, metadataUrl: undefined, wanted };
  const clock = () => now;
  const runtime = { clock, fetch, clockToleranceSeconds: 0, allowInsecureRequests: false };
  const metadata = createIssuerMetadata(source, { ...POLICY, ...policy }, runtime);
  return {
    metadata,
    visited,
    loads: () => visited.filter((url) => url === oauth).length,
    publishes: (page, url = oauth) => pages.set(url, page),
    async find(signal) {
      try {
        return pathOf(await metadata.get(signal));
      } catch (error) {
        return String(Reflect.get(Object(error), 'reason'));
      }
    },
    step(seconds) {
      now += seconds * 1000;
    },
  };
}

const pathOf = (metadata: { endpoint(name: 'jwks_uri'): string }) =>
  new URL(metadata.endpoint('jwks_uri')).pathname;
const naming = (path: string, members: object = {}): Page => ({
  issuer,
  jwks_uri: `${issuer}${path}`,
  ...members,
});
const missing: Page = () => new Response(null, { status: 404 });
const failing: Page = () => new Response(null, { status: 503 });
const hanging: Page = () => new Promise(() => undefined);
const alien: Page = { issuer: 'https://evil.example.com', jwks_uri: 'https://evil.example.com/jwks' };

/** A page that answers once it's told to. */
function heldBack(): { readonly page: Page; release(then: Page): void } {
  let release: (response: Response | Promise<Response>) => void = () => undefined;
  const response = new Promise<Response>((resolve) => {
    release = resolve;
  });
  return {
    page: () => response,
    release: (then) => release(typeof then === 'function' ? then() : Response.json(then)),
  };
}

/** Lets everything go on that waits for nothing but promises. */
const settle = () => new Promise(setImmediate);

async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  await settle();
}

describe('a location that said 404', () => {
  it('is asked again after a few failures: the document may have come there', {
    tags: ['KEY-02', 'KEY-14'],
  }, async () => {
    const scene = setUp();
    scene.publishes(failing); // the first location fails for good
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await scene.find()).toBe('metadata_unavailable');
    expect(scene.visited.filter((url) => url === openid)).toHaveLength(1);
    scene.publishes(naming('/jwks'), openid);
    expect(await scene.find()).toBe('/jwks');
  });
});

describe('metadata that is fresh', () => {
  it('is fetched on first use and then there at once', { tags: ['KEY-11'] }, async () => {
    const scene = setUp();
    expect(scene.metadata.known()).toBeUndefined();
    const first = await scene.metadata.get();
    scene.publishes(hanging);
    scene.step(599.999);
    expect(await scene.metadata.get()).toBe(first);
    expect(scene.metadata.known()).toBe(first);
    expect(scene.loads()).toBe(1);
  });

  it('is fetched once for all who wait for it', { tags: ['KEY-12'] }, async () => {
    const scene = setUp();
    const { page, release } = heldBack();
    scene.publishes(page);
    const waiting = Array.from({ length: 20 }, () => scene.metadata.get());
    await settle();
    release(naming('/jwks'));
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(scene.visited).toEqual([oauth]);
  });

  it("isn't a failure that's kept: the next caller tries again", { tags: ['KEY-24'] }, async () => {
    const scene = setUp();
    scene.publishes(failing);
    expect(await Promise.all([scene.find(), scene.find()])).toEqual(Array(2).fill('metadata_unavailable'));
    expect(scene.loads()).toBe(1);
    scene.publishes(naming('/jwks'));
    expect(await scene.find()).toBe('/jwks');
  });

  it("says what's wrong if there's none", { tags: ['KEY-24'] }, async () => {
    const scene = setUp();
    for (const [page, reason, detail] of [
      [failing, 'metadata_unavailable', 'status 503'],
      [{ issuer }, 'metadata_invalid', 'there is no jwks_uri'],
      [{ issuer, jwks_uri: '/jwks' }, 'metadata_invalid', 'jwks_uri is not an https URL'],
      [
        alien,
        'issuer_mismatch',
        `the metadata names the issuer "https://evil.example.com", and not "${issuer}"`,
      ],
      [
        { issuer, jwks_uri: 'http://keycloak:8080/jwks?key=hunter2' },
        'metadata_invalid',
        'jwks_uri is not an https URL: "http://keycloak:8080/jwks?[…]"',
      ],
    ] as const) {
      scene.publishes(page);
      await expect(scene.metadata.get()).rejects.toMatchObject({
        status: 503,
        reason,
        cause: { message: detail },
      });
    }
  });

  it('is waited for as long as the time limit allows', { tags: ['KEY-08'] }, async () => {
    const scene = setUp();
    scene.publishes(hanging);
    scene.publishes(hanging, openid);
    const found = scene.find();
    await pass(5.999);
    expect(await Promise.race([found, 'pending'])).toBe('pending');
    await pass(0.001);
    expect(await found).toBe('metadata_unavailable');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('comes from the next location if the first one hangs', { tags: ['KEY-05', 'KEY-08'] }, async () => {
    const scene = setUp();
    scene.publishes(hanging);
    scene.publishes(naming('/openid'), openid);
    const found = scene.find();
    await pass(2);
    expect(await found).toBe('/openid');
  });
});

describe('a caller that gives up', () => {
  it('waits no longer, and the others get what they wait for', { tags: ['KEY-12'] }, async () => {
    const scene = setUp();
    const { page, release } = heldBack();
    scene.publishes(page);
    const controller = new AbortController();
    const impatient = scene.metadata.get(controller.signal);
    const patient = scene.find();
    controller.abort();
    await expect(impatient).rejects.toMatchObject({
      reason: 'metadata_unavailable',
      cause: { kind: 'timeout', message: 'time-out' },
    });
    release(naming('/jwks'));
    expect(await patient).toBe('/jwks');
    expect(scene.loads()).toBe(1);
  });

  it('leaves what it began to those who come later', { tags: ['KEY-12'] }, async () => {
    const scene = setUp();
    const { page, release } = heldBack();
    scene.publishes(page);
    expect(await scene.find(AbortSignal.abort())).toBe('metadata_unavailable');
    release(naming('/jwks'));
    await settle();
    expect(await scene.find()).toBe('/jwks');
    expect(scene.loads()).toBe(1);
  });
});

describe('metadata that is old', () => {
  it('is there at once, and renewed in the background', { tags: ['KEY-11'] }, async () => {
    const scene = setUp();
    await scene.find();
    const { page, release } = heldBack();
    scene.publishes(page);
    scene.step(600);
    expect(await scene.find()).toBe('/jwks');
    expect(await scene.find()).toBe('/jwks');
    expect(scene.loads()).toBe(2);
    release(naming('/renewed'));
    await settle();
    expect(await scene.find()).toBe('/renewed');
    scene.publishes(hanging);
    scene.step(599);
    expect(await scene.find()).toBe('/renewed');
    expect(scene.loads()).toBe(2);
  });

  it('serves on while it cannot be renewed, which is tried after 1, 2, 4 … 30 seconds', {
    tags: ['KEY-14', 'KEY-15'],
  }, async () => {
    const scene = setUp();
    await scene.find();
    scene.step(600);
    scene.publishes(failing);
    const attempts: number[] = [];
    for (let second = 0; second <= 92; second += 1) {
      const before = scene.loads();
      expect(await scene.find()).toBe('/jwks');
      await settle();
      if (scene.loads() > before) attempts.push(second);
      scene.step(1);
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
    scene.publishes(naming('/back'));
    scene.step(30);
    await scene.find();
    await settle();
    expect(await scene.find()).toBe('/back');
  });

  it('ends after maxAgeSeconds and staleIfErrorSeconds', { tags: ['KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(failing);
    scene.step(600 + 3_600 - 0.001);
    expect(await scene.find()).toBe('/jwks');
    await settle();
    scene.step(0.001);
    expect(await scene.find()).toBe('metadata_unavailable');
    scene.publishes(naming('/back'));
    expect(await scene.find()).toBe('/back');
  });

  it('ends with maxAgeSeconds if staleIfErrorSeconds is 0', { tags: ['KEY-15'] }, async () => {
    const scene = setUp(['jwks_uri'], { staleIfErrorSeconds: 0 });
    await scene.find();
    scene.publishes(failing);
    scene.step(599);
    expect(await scene.find()).toBe('/jwks');
    scene.step(1);
    expect(await scene.find()).toBe('metadata_unavailable');
  });

  it('is dropped when the document names another issuer', { tags: ['KEY-01', 'KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(alien);
    scene.step(600);
    expect(await scene.find()).toBe('/jwks'); // and renewed in the background
    await settle();
    expect(scene.metadata.known()).toBeUndefined();
    expect(await scene.find()).toBe('issuer_mismatch');
    scene.publishes(failing);
    expect(await scene.find()).toBe('metadata_unavailable');
    scene.publishes(naming('/back'));
    expect(await scene.find()).toBe('/back');
  });

  it('is renewed, and serves on if that fails, when the clock was set back', {
    tags: ['KEY-15'],
  }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(failing);
    scene.step(-60);
    expect(await scene.find()).toBe('/jwks');
    await settle();
    expect(scene.loads()).toBe(2);
    scene.publishes(naming('/renewed'));
    scene.step(1);
    await scene.find();
    await settle();
    expect(await scene.find()).toBe('/renewed');
  });
});

describe('metadata that is doubted', () => {
  it('is renewed before it is used', { tags: ['INT-13'] }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(naming('/moved'));
    expect(await scene.find()).toBe('/jwks');
    scene.metadata.doubt();
    expect(await Promise.all([scene.find(), scene.find()])).toEqual(['/moved', '/moved']);
    expect(scene.loads()).toBe(2);
    expect(await scene.find()).toBe('/moved');
    expect(scene.loads()).toBe(2);
  });

  it('serves on if it cannot be renewed', { tags: ['KEY-15'] }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(failing);
    scene.metadata.doubt();
    expect(await Promise.all([scene.find(), scene.find()])).toEqual(['/jwks', '/jwks']);
    expect(scene.loads()).toBe(2);
  });

  it('serves on after half of the time limit if its locations hang', {
    tags: ['KEY-08', 'KEY-15'],
  }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(hanging);
    scene.publishes(hanging, openid);
    scene.metadata.doubt();
    const found = scene.find();
    await pass(2.999);
    expect(await Promise.race([found, 'pending'])).toBe('pending');
    await pass(0.001);
    expect(await found).toBe('/jwks');
  });

  it('is dropped when the document names another issuer', { tags: ['KEY-01'] }, async () => {
    const scene = setUp();
    await scene.find();
    scene.publishes(alien);
    scene.metadata.doubt();
    expect(await scene.find()).toBe('issuer_mismatch');
    scene.publishes(failing);
    expect(await scene.find()).toBe('metadata_unavailable');
  });

  it.each<[string, Page]>([
    ['brings nothing new', naming('/jwks')],
    ['fails', failing],
  ])(
    'is renewed after pauses of 1, 2, 4 … 30 seconds while that %s',
    { tags: ['KEY-14'] },
    async (_what, page) => {
      const scene = setUp(['jwks_uri'], { maxAgeSeconds: 10_000 });
      await scene.find();
      scene.publishes(page);
      const renewals: number[] = [];
      for (let second = 0; second <= 92; second += 1) {
        const before = scene.loads();
        scene.metadata.doubt();
        expect(await scene.find()).toBe('/jwks');
        if (scene.loads() > before) renewals.push(second);
        scene.step(1);
      }
      expect(renewals).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
    },
  );

  it('is renewed at once again after a renewal that brought something', { tags: ['KEY-14'] }, async () => {
    const scene = setUp();
    await scene.find();
    for (let count = 0; count < 4; count += 1) {
      scene.metadata.doubt();
      await scene.find();
      scene.step(count === 3 ? 0 : 30);
    }
    expect(scene.loads()).toBe(5);
    scene.step(30);
    for (const path of ['/moved', '/moved-again']) {
      scene.publishes(naming(path));
      scene.metadata.doubt();
      expect(await scene.find()).toBe(path);
    }
  });

  it('is waited for if it is being renewed in the background', async () => {
    const scene = setUp();
    await scene.find();
    const { page, release } = heldBack();
    scene.publishes(page);
    scene.step(600);
    expect(await scene.find()).toBe('/jwks'); // which doesn't work any more
    scene.metadata.doubt();
    const found = scene.find();
    release(naming('/moved'));
    expect(await found).toBe('/moved');
    expect(scene.loads()).toBe(2);
  });

  it('is trusted again once a renewal that was under way is over', async () => {
    const scene = setUp();
    await scene.find();
    const { page, release } = heldBack();
    scene.publishes(page);
    scene.metadata.doubt();
    const found = scene.find();
    await settle();
    scene.metadata.doubt();
    release(naming('/moved'));
    expect(await found).toBe('/moved');
    scene.publishes(hanging);
    expect(await scene.find()).toBe('/moved');
    expect(scene.loads()).toBe(2);
  });
});

describe('metadata that one caller doubts', () => {
  it('is renewed for that one, and there at once for the others', { tags: ['KEY-13'] }, async () => {
    const scene = setUp();
    await scene.find();
    const { page, release } = heldBack();
    scene.publishes(page);
    const doubting = scene.metadata.get(undefined, true).then(pathOf);
    expect(await scene.find()).toBe('/jwks');
    release(naming('/moved'));
    expect(await doubting).toBe('/moved');
    expect(scene.loads()).toBe(2);
  });
});

describe('metadata in several documents', () => {
  const wanted = ['jwks_uri', 'introspection_endpoint'] as const;
  const introspection: Page = { issuer, introspection_endpoint: `${issuer}/introspect` };
  const endpoints = async ({ metadata }: Scene) => {
    const found = await metadata.get();
    return wanted.map((name) => found.find(name)?.slice(issuer.length));
  };

  it('adds up, and is kept as one', { tags: ['KEY-05'] }, async () => {
    const scene = setUp(wanted);
    scene.publishes(introspection, openid);
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    expect(scene.visited).toEqual([oauth, openid]);
  });

  it('is complete as soon as a location that was down is back', { tags: ['KEY-14', 'KEY-15'] }, async () => {
    const scene = setUp(wanted);
    scene.publishes(failing, openid);
    expect(await endpoints(scene)).toEqual(['/jwks', undefined]);
    scene.publishes(introspection, openid);
    expect(await endpoints(scene)).toEqual(['/jwks', undefined]);
    scene.step(1);
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    scene.step(599);
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    expect(scene.loads()).toBe(2);
  });

  it('is looked for after 1, 2, 4 … 30 seconds while a part is missing', { tags: ['KEY-14'] }, async () => {
    const scene = setUp(wanted);
    const attempts: number[] = [];
    for (let second = 0; second <= 62; second += 1) {
      const before = scene.loads();
      expect(await endpoints(scene)).toEqual(['/jwks', undefined]);
      if (scene.loads() > before) attempts.push(second);
      scene.step(1);
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 61]);
  });

  it('loses no part while a location is down', { tags: ['KEY-15'] }, async () => {
    const scene = setUp(wanted);
    scene.publishes(introspection, openid);
    await endpoints(scene);
    scene.publishes(failing, openid);
    scene.metadata.doubt();
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    scene.step(600);
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    await settle();
    expect(await endpoints(scene)).toEqual(['/jwks', '/introspect']);
    scene.step(3_600);
    expect(await endpoints(scene)).toEqual(['/jwks', undefined]);
  });
});
