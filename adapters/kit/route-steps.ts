import type { Requirement, ResourceMetadata } from '../../src/index.js';
import { declared, publishedBy } from './requirements.js';

/** One function that a request comes to on its way through a router. */
export interface Step {
  readonly method: string;
  /** The pattern that it's registered with. */
  readonly path: string;
  /** One with less than two parameters takes no `next`, so nothing comes behind it. */
  readonly handler: { readonly length: number };
}

/** All that a request may come to, in order, for routers that show it from the first middleware on. */
export class RouteSteps {
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps.map(({ method, path, handler }) => ({ method, path, handler: unwrap(handler) }));
  }

  /** The pattern of the handler that the request is for; undefined if there's none, or it can't be told. */
  get route(): string | undefined {
    return this.#steps.find(isHandler)?.path;
  }

  /** All metadata that are served on the way. */
  get published(): readonly ResourceMetadata[] {
    return publishedBy(this.#steps.flatMap(({ handler }) => declared(handler) ?? []));
  }

  /** What's named to who sends no token: all that's required on the way, if no middleware answers before. */
  get requirements(): readonly Requirement[] {
    const end = this.#steps.findIndex(isHandler);
    const way = this.#steps.slice(0, end === -1 ? undefined : end);
    return way.flatMap(({ handler }) => declared(handler)?.requirement ?? []);
  }

  /**
   * What's required for sure from one step on: what follows at once, and what else is on the same route. A
   * middleware of others may answer, and what's behind it on another route isn't required then.
   *
   * @param index of the step that asks
   * @param own what it requires itself: the answer if it's hidden in a function of others
   */
  requirementsFrom(index: number, own: Requirement): readonly Requirement[] {
    const [here, ...ahead] = this.#steps.slice(index);
    if (here === undefined || declared(here.handler)?.requirement !== own) return [own];
    const found = [own];
    let isAtOnce = true;
    for (const step of ahead) {
      const said = declared(step.handler);
      const isSameRoute = step.path === here.path && step.method === here.method && step.method !== 'ALL';
      if (said?.requirement !== undefined && (isAtOnce || isSameRoute)) found.push(said.requirement);
      else if (said === undefined && isSameRoute && !isHandler(step)) isAtOnce = false;
      else break; // also at another gate: what's behind it is for that one to say
    }
    return found;
  }
}

/** Hono wraps what is in an application with an `onError` of its own. */
function unwrap(handler: Step['handler']): Step['handler'] {
  const inner: unknown = Reflect.get(handler, '__COMPOSED_HANDLER');
  return typeof inner === 'function' ? unwrap(inner) : handler;
}

function isHandler({ handler }: Step): boolean {
  return handler.length < 2;
}
