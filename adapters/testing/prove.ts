import { AssertionError } from 'node:assert';
import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { callable, checkNames } from '../../src/lib/check.js';
import type { Forgery, ListeningIssuer, TestIssuer, TokenClaims } from '../../src/testing/index.js';
import { startLoopbackServer } from '../../src/testing/loopback-server.js';
import { expressTarget } from './express-target.js';
import { fastifyTarget } from './fastify-target.js';
import { checkLockFile, lockLine, lockText, type ProvenRoute } from './lock-file.js';
import { nestTarget } from './nestjs-target.js';
import { Probes } from './probes.js';
import { type Proof, proveRoute } from './prove-route.js';
import type { Bench, RouteSample } from './requests.js';
import { routeName, routeNames, type Target, type TargetRoute } from './target.js';

/** Options of {@link prove}. */
export interface ProveOptions {
  /** The issuer whose tokens the application accepts: its options came from it. */
  readonly issuer: TestIssuer | ListeningIssuer;
  /**
   * The routes that requests without a token may reach: `['GET /health']`. A `*` at the end matches anything
   * that follows: `'GET /docs*'`.
   */
  readonly public?: readonly string[];
  /** Values of path parameters, by name: `{ sku: '42' }`. Default `1` for each. */
  readonly params?: Readonly<Record<string, string>>;
  /** Claims of every token, besides the routes' scopes: `{ tenant: 'acme' }`. */
  readonly claims?: TokenClaims;
  /** What single routes need, by their line: `{ 'POST /orders': { body: { sku: '42' } } }`. */
  readonly samples?: Readonly<Record<string, RouteSample>>;
  /**
   * Applications mounted in an Express application, by their full path: `{ '/admin': adminApp }`. Express
   * doesn't show them.
   */
  readonly mounted?: Readonly<Record<string, object>>;
  /** The file to compare with, relative to the working directory; false for none. Default `authz.lock`. */
  readonly lockFile?: string | URL | false;
  /** Overwrites the file. Default: true if the environment variable `AUTHZ_LOCK` is `update`. */
  readonly update?: boolean;
}

/** The result of {@link prove}. */
export interface ProofReport {
  /** Every route, in the order of the file. */
  readonly routes: readonly ProvenRoute[];
  /** The text of the lock file. */
  readonly lock: string;
  /** How many requests it took. */
  readonly requests: number;
}

/**
 * Proves over HTTP who may call each route of an application. No route lets in a request without a token
 * unless it's listed as public, however its path is spelled. A genuine token with exactly the required
 * scopes opens it, one scope less doesn't, and every forgery is refused. Then it compares the routes with a
 * file that you keep in version control, so that every change of who may call what shows up in a review.
 *
 * Handlers don't run: a request is stopped right before its handler. Middleware, hooks and guards do run.
 *
 * If the file is missing, it's written. In CI (`process.env.CI`) that's a failure, as is a file that differs.
 *
 * @param app an Express 4 or 5, Fastify 5 or NestJS application, with the options of a test issuer
 * @throws {AssertionError} names each route and what got through, or how the file differs (the promise
 *   rejects)
 * @throws {TypeError} not such an application, or a wrong option (the promise rejects)
 * @example
 * ```ts
 * import { createTestIssuer, prove } from 'oauth-resource-server/testing';
 *
 * const issuer = await createTestIssuer({ audience: 'https://inventory.example.com' });
 * await prove(createApp(issuer.options), { issuer, public: ['GET /health'], params: { sku: '42' } });
 * ```
 */
export async function prove(app: object, options: ProveOptions): Promise<ProofReport> {
  checkOptions(options);
  const { lockFile = 'authz.lock', update = process.env.AUTHZ_LOCK === 'update' } = options;
  const target = await recognize(app, options.mounted ?? {});
  const { proofs, findings, requests } = await proveTarget(target, options);
  const routes = proofs.map(({ route }) => route);
  const lock = lockText(routes);
  const { CI = 'false' } = process.env;
  const isStrict = !['', '0', 'false'].includes(CI);
  const differs =
    lockFile === false || findings.length > 0
      ? undefined
      : checkLockFile(lock, { lockFile, update, isStrict });
  const problems = [...findings, ...(differs === undefined ? [] : [differs])];
  if (problems.length > 0)
    throw new AssertionError({ message: problems.join('\n'), operator: 'prove', stackStartFn: prove });
  return { routes, lock, requests };
}

const OPTIONS = ['issuer', 'public', 'params', 'claims', 'samples', 'mounted', 'lockFile', 'update'];

function checkOptions(options: ProveOptions): void {
  checkNames(options, OPTIONS, 'prove');
  callable(options.issuer?.authorization, 'prove.issuer.authorization');
}

async function recognize(app: object, mounted: Readonly<Record<string, object>>): Promise<Target> {
  // Each recognized by a member that the others don't have.
  if ('getHttpAdapter' in app) return nestTarget(app as INestApplication, mounted);
  if ('printRoutes' in app) return fastifyTarget(app as FastifyInstance);
  if (typeof app === 'function' && 'mountpath' in app) return expressTarget(app, mounted);
  throw new TypeError('prove takes an application of Express, Fastify or NestJS');
}

interface Proven {
  readonly proofs: readonly Proof[];
  /** Everything that's wrong, with its route. */
  readonly findings: readonly string[];
  readonly requests: number;
}

/** Listens on loopback meanwhile. */
async function proveTarget(target: Target, options: ProveOptions): Promise<Proven> {
  const probes = new Probes();
  const endGuard = target.guard(probes);
  try {
    const server = await startLoopbackServer(() => probes.watch(target.listener));
    try {
      const proofs = await proveRoutes(target, options, { probes, origin: server.url });
      return { proofs, findings: collectFindings(target, proofs, options), requests: probes.sent };
    } finally {
      await server.close();
    }
  } finally {
    endGuard();
    probes.close();
  }
}

async function proveRoutes(
  { routes }: Target,
  { issuer, params = {}, claims = {}, samples = {}, public: open = [] }: ProveOptions,
  place: Pick<Bench, 'probes' | 'origin'>,
): Promise<readonly Proof[]> {
  const forged = new Map<string, Promise<readonly Forgery[]>>();
  const forgeries: Bench['forgeries'] = (from, wanted) => {
    const key = JSON.stringify([from.identifier, wanted]);
    const made = forged.get(key) ?? from.forgeries(wanted);
    forged.set(key, made);
    return made;
  };
  const now = (): number => (issuer.options.clock ?? Date.now)() / 1000;
  const fill = (parameter: string): string => params[parameter] ?? '1';
  const bench: Bench = { ...place, issuer, fill, claims, samples, now, forgeries };
  const proofs: Proof[] = [];
  for (const route of distinct(routes)) {
    const isListed = open.some((entry) => isEntryFor(entry, route));
    const proof = await proveRoute(route, isListed, bench);
    if (proof !== undefined) proofs.push(proof);
  }
  return proofs.filter((one) => !isTwin(one, proofs));
}

/** Fastify has the root of a prefix with and without a slash at its end. */
function isTwin({ route, findings }: Proof, proofs: readonly Proof[]): boolean {
  if (!route.path.endsWith('/') || findings.length > 0) return false;
  const line = lockLine({ ...route, path: route.path.slice(0, -1) });
  return proofs.some((other) => lockLine(other.route) === line);
}

/** Each route once, without HEAD if it has GET. */
function distinct(routes: readonly TargetRoute[]): readonly TargetRoute[] {
  const byName = new Map(routes.toReversed().map((route) => [routeName(route), route]));
  return [...byName.values()]
    .toReversed()
    .filter(({ method, path }) => method !== 'HEAD' || !byName.has(`GET ${path}`));
}

function collectFindings(
  { blindSpots, routes }: Target,
  proofs: readonly Proof[],
  { public: open = [], samples = {} }: ProveOptions,
): readonly string[] {
  const proven = proofs.map(({ found }) => found);
  // Middleware that turns out to refuse everyone has no proof.
  const all = [...proven, ...routes.filter(({ method }) => method === 'USE')];
  const isMissing = (known: readonly TargetRoute[]) => (entry: string) =>
    !known.some((route) => isEntryFor(entry, route));
  return [
    ...blindSpots.map(
      (path) => `${path}: an application is mounted here. Name it: mounted: { '${path}': … }`,
    ),
    ...proofs.flatMap(({ route, findings }) => findings.map((finding) => `${routeName(route)}: ${finding}`)),
    ...[...open, ...Object.keys(samples)]
      .filter(isMissing(all))
      .map((entry) => `${entry}: the application has no such route`),
    ...open
      .filter((entry) => isMissing(proven)(entry) && !isMissing(all)(entry))
      .map((entry) => `${entry}: is listed as public, but refuses every request without a token`),
  ];
}

/** Whether an entry of the options is about a route. */
function isEntryFor(entry: string, route: TargetRoute): boolean {
  return (
    routeNames(route).some((one) => [entry, `${entry}/`].includes(one)) ||
    (entry.endsWith('*') && routeName(route).startsWith(entry.slice(0, -1)))
  );
}
