import type { Requirement, ResourceMetadata } from '../../src/index.js';
import { type Declaration, declared, publishedBy } from './requirements.js';

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

  /**
   * What is required before the handler is reached, for challenges. No more than that: a middleware in
   * between may answer, and then what's behind it wasn't required.
   */
  get requirements(): readonly Requirement[] {
    return requirementsUntil(this.#steps, isHandler);
  }

  /**
   * What is required for sure from one step on: what follows at once, and what else is on the same route.
   *
   * @param index of the step that asks
   * @param own what it requires itself: the answer if it's hidden in a function of others
   */
  requirementsFrom(index: number, own: Requirement): readonly Requirement[] {
    const ahead = this.#steps.slice(index);
    const [here] = ahead;
    if (here === undefined || said(here)?.requirement !== own) return [own];
    return requirementsUntil(ahead, (step) => {
      // Behind another gate, requirements are for what that one says.
      if (said(step) !== undefined) return said(step)?.requirement === undefined;
      return isHandler(step) || step.method === 'ALL' || step.path !== here.path;
    });
  }
}

/** Hono wraps what is in an application with an `onError` of its own. */
function unwrap(handler: Step['handler']): Step['handler'] {
  const inner: unknown = Reflect.get(handler, '__COMPOSED_HANDLER');
  return typeof inner === 'function' ? unwrap(inner) : handler;
}

const said = ({ handler }: Step): Declaration | undefined => declared(handler);
const isHandler = ({ handler }: Step): boolean => handler.length < 2;

function requirementsUntil(steps: readonly Step[], isEnd: (step: Step) => boolean): readonly Requirement[] {
  const end = steps.findIndex(isEnd);
  return steps.slice(0, end === -1 ? undefined : end).flatMap((step) => said(step)?.requirement ?? []);
}
