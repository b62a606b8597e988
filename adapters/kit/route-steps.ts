import type { Requirement, ResourceMetadata } from '../../src/index.js';
import { declared, publishedBy } from './requirements.js';

/** One function that a request passes on its way through a router. */
export interface Step {
  readonly method: string;
  /** The pattern it's registered with. */
  readonly path: string;
  /** A function with fewer than two parameters takes no `next`, so nothing comes after it. */
  readonly handler: { readonly length: number };
}

/** Everything a request may pass, in order, for routers that know it from the first middleware on. */
export class RouteSteps {
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps.map(({ method, path, handler }) => ({ method, path, handler: unwrap(handler) }));
  }

  /** The pattern of the handler that the request is for; undefined if there's none, or it isn't clear. */
  get route(): string | undefined {
    return this.#steps.find(isHandler)?.path;
  }

  /** All metadata served on the way. */
  get published(): readonly ResourceMetadata[] {
    return publishedBy(this.#steps.flatMap(({ handler }) => declared(handler) ?? []));
  }

  /**
   * What to name to a client without a token: everything required on the way, if no middleware answers first.
   */
  get requirements(): readonly Requirement[] {
    const end = this.#steps.findIndex(isHandler);
    const way = this.#steps.slice(0, end === -1 ? undefined : end);
    return way.flatMap(({ handler }) => declared(handler)?.requirement ?? []);
  }

  /**
   * What's certainly required from one step on: what follows directly, and the rest of the same route. A
   * foreign middleware may answer, and then nothing after it on another route is required.
   *
   * @param index of the step that asks
   * @param own what it requires itself, which is the result if a foreign function hides the step
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
      else break; // at another gate too: what follows is up to that one
    }
    return found;
  }
}

/** Hono wraps the handlers of an application that has its own `onError`. */
function unwrap(handler: Step['handler']): Step['handler'] {
  const inner: unknown = Reflect.get(handler, '__COMPOSED_HANDLER');
  return typeof inner === 'function' ? unwrap(inner) : handler;
}

function isHandler({ handler }: Step): boolean {
  return handler.length < 2;
}
