import {
  type Auth,
  type Decision,
  type Denied,
  isAuth,
  type RequestView,
  type Requirement,
  type ResourceServer,
} from '../../src/index.js';

/** The part of a framework's logger that refusals need; pino's fits. */
export interface RefusalLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** A request that arrived, as an adapter passes it to a {@link Gate}. */
export interface Arrival {
  /**
   * The object that stays the same while the request is handled: Node's message, a Fetch `Request`. Decisions
   * are kept by it. Its `method` is the one that later routes see, which a method override may have changed.
   */
  readonly message: object & { readonly method?: string | undefined };
  /** The object that handlers get, if it should carry `auth`. May be the message itself. */
  readonly request?: object | undefined;
  readonly view: RequestView;
  /** The framework's logger for this request. Refusals are logged there too. */
  readonly log?: RefusalLog | undefined;
}

/** What one resource server decided about one request. */
export interface Passage {
  readonly server: ResourceServer;
  readonly arrival: Arrival;
  /** Undefined as long as the request only passes as a CORS preflight. */
  decision: Decision | Promise<Decision> | undefined;
  auth: Auth | undefined;
  /** The last refusal. It's reported once, even if its error comes back on the error path. */
  refused: Denied | undefined;
  /** The requirements that `auth` met. */
  met: readonly Requirement[];
  /** The requirements that it was refused for. */
  unmet: readonly Requirement[] | undefined;
}

/** Where a request keeps its passages; the last one counts. No client can send this key. */
const passages: unique symbol = Symbol('oauth-resource-server.passages');

type Seen = object & { [passages]?: Passage[] | undefined };

const NONE: readonly Requirement[] = Object.freeze([]);

/** The passage of a request through a gate of this resource server; undefined if there was none yet. */
export function findPassage(server: ResourceServer, message: Seen): Passage | undefined {
  return message[passages]?.find((one) => one.server === server);
}

/** The same, or a new one that the request doesn't keep yet. */
export function passageFor(server: ResourceServer, arrival: Arrival): Passage {
  const known = findPassage(server, arrival.message);
  if (known !== undefined) return known;
  return {
    server,
    arrival,
    decision: undefined,
    auth: undefined,
    refused: undefined,
    met: NONE,
    unmet: undefined,
  };
}

/** The same, from now on the one that counts. */
export function enterPassage(server: ResourceServer, arrival: Arrival): Passage {
  const { message, request = message }: { message: Seen; request?: Seen | undefined } = arrival;
  const passage = passageFor(server, arrival);
  const seen = message[passages];
  message[passages] = seen === undefined ? [passage] : [...seen.filter((one) => one !== passage), passage];
  if (request !== message) standInFor(message, request);
  return passage;
}

/** Makes `request` count as the same request as `message`: decisions about one apply to both. */
export function standInFor(message: Seen, request: Seen): void {
  request[passages] = message[passages];
}

/** Whether it counts as the same request as another, even if that went through no gate. */
export function hasPassages(request: Seen): boolean {
  return passages in request;
}

/** The passage that counts: the last one. */
export function currentPassage(request: Seen): Passage | undefined {
  return request[passages]?.at(-1);
}

export const OF_ANOTHER_COPY: string =
  'comes from another copy of oauth-resource-server; install only one (npm ls oauth-resource-server), ' +
  "and don't reset modules in a test";

const HAND_MADE: string =
  '. Its auth was set by hand, which meets no requirement: in a test, send a token of createTestIssuer()';

/** For the error if nothing authenticated a request: who asks, and the advice, with its punctuation. */
export interface Mistake {
  readonly name: string;
  readonly advice: string;
}

/** @throws {Error} no gate has seen the request, which is a mistake in the application */
export function requirePassage(request: object, { name, advice }: Mistake): Passage {
  const passage = currentPassage(request);
  if (passage !== undefined) return passage;
  // Every copy of this package has a symbol of its own, with the same description.
  const symbols = Object.getOwnPropertySymbols(request);
  if (symbols.some(({ description }) => description === passages.description))
    throw new Error(`${name}: what authenticated this request ${OF_ANOTHER_COPY}`);
  const more = isAuth(Reflect.get(request, 'auth')) ? HAND_MADE : '';
  throw new Error(`${name}: nothing authenticated this request${advice}${more}`);
}

/** The adapter's view of a request that a gate let in. @throws {Error} no gate has seen the request */
export function arrivedView(request: object, mistake: Mistake): RequestView {
  return requirePassage(request, mistake).arrival.view;
}

/** What one resource server was asked about a request, and its answer. */
export interface Examination {
  readonly server: ResourceServer;
  /** The last refusal; undefined if the request was let in. */
  readonly refused: Denied | undefined;
  /** All that were checked, met or not. */
  readonly requirements: readonly Requirement[];
}

/**
 * What gates and requirements have done with a request so far, for tests that find out what protects a route.
 */
export function examine(message: Seen): readonly Examination[] {
  const all = message[passages] ?? [];
  return all.map(({ server, refused, met, unmet = [] }) => ({
    server,
    refused,
    requirements: [...met, ...unmet],
  }));
}
