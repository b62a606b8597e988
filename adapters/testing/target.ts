import type { RequestListener } from 'node:http';
import type { Probes } from './probes.js';

/** A route of the application under test. */
export interface TargetRoute {
  /** `GET`; `ALL` for every method, `USE` for middleware with a path. */
  readonly method: string;
  /** As written: `/stock/:sku`. */
  readonly path: string;
  /** Another name in options: middleware that serves a POST may be called `POST /graphql`. */
  readonly alias?: string | undefined;
  /** Whether it can't be filled in: a regular expression. */
  readonly isPattern: boolean;
  /** What the framework needs to find it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a handler that a probe got to, as {@link Target.guard} notes it, is the route's. */
  isServedBy(handler: unknown): boolean;
}

/** A route's name in options, and in the file. */
export const routeName = ({ method, path }: Pick<TargetRoute, 'method' | 'path'>): string =>
  `${method} ${path}`;

/** All its names in options. */
export const routeNames = (route: TargetRoute): readonly string[] =>
  [routeName(route), route.alias ?? []].flat();

export const sampleAdvice = (route: TargetRoute, what: string): string =>
  `samples: { '${routeName(route)}': { ${what} } }`;

/** An application under test. */
export interface Target {
  readonly listener: RequestListener;
  readonly routes: readonly TargetRoute[];
  /** Paths of inner applications that can't be inspected. */
  readonly blindSpots: readonly string[];
  /**
   * From now on, requests of `probes` stop before the handlers of the routes, which it notes. Returns a
   * function that stops this.
   */
  guard(probes: Pick<Probes, 'note' | 'stop'>): () => void;
}
