import {
  type Allowed,
  type Auth,
  createResourceServer,
  type Decision,
  type Denied,
  isAuth,
  isCorsPreflight,
  isResourceServer,
  type RegisteredClaims,
  type RequestView,
  type Requirement,
  type ResourceServer,
  type ResourceServerError,
  type ResourceServerOptions,
} from '../../src/index.js';
import { isPromise } from '../../src/lib/promise.js';
import { type Next, type Refusal, type Reply, refuse, setHeaders } from './answers.js';
import { logRefusal, type RefusalLog } from './refusal-log.js';
import { proceed, whenSettled } from './settle.js';

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
interface Passage {
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

const NONE: readonly never[] = [];
const OF_ANOTHER_COPY =
  'comes from another copy of oauth-resource-server; install only one (npm ls oauth-resource-server)';
/** Every authenticated request meets this, and no anonymous one does. */
export const ANYONE: Requirement = Object.freeze({ claims: () => true });
/** Advice that's never shown: a gate has just seen the request. */
export const UNREACHABLE: Mistake = { name: 'authenticate', advice: '' };
const PASSED: Allowed = Object.freeze({ kind: 'allowed', auth: undefined, headers: undefined });

/**
 * Lets requests in on behalf of one resource server. An adapter makes one when the application is set up, and
 * passes it every request.
 *
 * @example
 * ```ts
 * import { NodeRequestView } from 'oauth-resource-server';
 * import { Gate, replyOf } from 'oauth-resource-server/adapter';
 *
 * const gate = new Gate(options);
 * gate.admit({ message: req, request: req, view: new NodeRequestView(req) }, replyOf(res), next);
 * ```
 */
export class Gate {
  readonly server: ResourceServer;

  /**
   * @param options of a resource server, or a ready one to share
   * @throws {TypeError} an option is missing, unknown or wrong
   */
  constructor(options: ResourceServerOptions | ResourceServer) {
    this.server = isResourceServer(options) ? options : createResourceServer(options);
  }

  /**
   * Authenticates a request once. Another gate with the same resource server reuses the result, so that a
   * DPoP proof is used once. Another resource server decides anew, and the last one counts. `auth` is cleared
   * first, then set on the arrival's `request`. A refusal is logged.
   *
   * A CORS preflight passes unauthenticated, for the application's CORS layer to answer. It meets no
   * requirement.
   *
   * @param requirements those of the route, if you know them already; see `ResourceServer.authenticate`
   * @param preflight `'refuse'` if no CORS layer can follow: a preflight is then authenticated like any
   *   request
   * @returns at once if there's nothing to wait for. Allowed without `auth`: a preflight, or anonymous
   *   (`optional: true`)
   */
  authenticate(
    arrival: Arrival,
    requirements?: readonly Requirement[],
    preflight: 'pass' | 'refuse' = 'pass',
  ): Decision | Promise<Decision> {
    const { message, request, view } = arrival;
    const passage = this.#enter(arrival);
    show(undefined, request); // in case something was there before
    if (passage.decision === undefined) {
      // Unless a method override makes it another request for later routes.
      if (preflight === 'pass' && message.method === 'OPTIONS' && isCorsPreflight(view)) {
        keepMethod(message);
        return PASSED;
      }
      const decided = this.server.authenticate(view, requirements);
      passage.decision = isPromise(decided)
        ? decided.then((decision) => note(passage, decision))
        : note(passage, decided);
    }
    return whenSettled(passage.decision, (decision) => {
      show(passage.auth, request);
      return decision;
    });
  }

  /** {@link authenticate} for frameworks with callbacks: calls `next`, or answers. */
  admit(
    arrival: Arrival,
    reply: Reply,
    next: Next,
    requirements?: readonly Requirement[],
    preflight?: 'pass' | 'refuse',
  ): void {
    const admitted = (decision: Decision): void => {
      if (decision.kind !== 'allowed') refuse(toRefusal(decision, this.server), reply, next);
      else {
        setHeaders(reply, decision.headers);
        next();
      }
    };
    proceed(() => this.authenticate(arrival, requirements, preflight), admitted, next);
  }

  /**
   * Lets a request to a public route in, unauthenticated. Removes an `auth` from another source. One that
   * this gate's resource server verified stays, for other code that handles the request.
   */
  pass({ message, request }: Pick<Arrival, 'message' | 'request'>): void {
    if (this.#passageOf(message) === undefined) show(undefined, request);
  }

  /**
   * For callers that know all requirements: {@link authenticate}, then a check of them. A preflight is
   * authenticated like any request, and there are no anonymous requests.
   */
  async enter(arrival: Arrival, requirements: readonly Requirement[]): Promise<Decision> {
    const decision = await this.authenticate(arrival, requirements, 'refuse');
    if (decision.kind !== 'allowed') return decision;
    return checkRequirements(arrival.message, [...requirements, ANYONE], UNREACHABLE) ?? decision;
  }

  /**
   * Makes `auth` the caller from now on, for a connection whose token came after its request, or was replaced
   * by a fresh one. Requirements are checked again.
   *
   * Security: this gate's resource server must have verified `auth` for this caller.
   */
  adopt(arrival: Arrival, auth: Auth): void {
    const passage = this.#enter(arrival);
    passage.decision = { kind: 'allowed', auth, headers: undefined };
    passage.auth = auth;
    passage.refused = undefined;
    passage.met = NONE;
    show(auth, arrival.request);
  }

  /** {@link denyRequest} on behalf of this resource server, even if it hasn't seen the request. */
  deny(arrival: Arrival, error: ResourceServerError): Refusal {
    return denyPassage(this.#passageOf(arrival.message) ?? this.#begin(arrival), error);
  }

  /** Whether the request passed this gate as a CORS preflight, and nothing else is known about it. */
  isPreflight(message: object): boolean {
    const passage = this.#passageOf(message);
    return passage !== undefined && passage.decision === undefined;
  }

  /** The passage of this request, and from now on the current one. */
  #enter(arrival: Arrival): Passage {
    const { message, request = message }: { message: Seen; request?: Seen | undefined } = arrival;
    const passage = this.#passageOf(message) ?? this.#begin(arrival);
    const others = message[passages]?.filter((one) => one !== passage) ?? [];
    message[passages] = [...others, passage];
    if (request !== message) standInFor(message, request);
    return passage;
  }

  #begin(arrival: Arrival): Passage {
    return {
      server: this.server,
      arrival,
      decision: undefined,
      auth: undefined,
      refused: undefined,
      met: NONE,
      unmet: undefined,
    };
  }

  #passageOf(message: Seen): Passage | undefined {
    return message[passages]?.find(({ server }) => server === this.server);
  }
}

/**
 * Stores the decision with the passage. Anything else is a bug, and mustn't pass: `next(undefined)` would
 * continue.
 */
function note(passage: Passage, decision: Decision): Decision {
  if (decision.kind === 'allowed') passage.auth = decision.auth;
  else if (decision.kind === 'denied') refusalOn(passage, decision);
  else throw new TypeError('authenticate returned no decision');
  return decision;
}

/** A request that passed as a preflight stays one: a later method override can't change it. */
function keepMethod(message: object): void {
  Object.defineProperty(message, 'method', {
    get: () => 'OPTIONS',
    set: () => undefined,
    configurable: true,
  });
}

/** Sets `auth` where handlers find it. */
function show(auth: Auth | undefined, request: { auth?: unknown } | undefined): void {
  if (request !== undefined) request.auth = auth;
}

/** Makes `request` count as the same request as `message`: decisions about one apply to both. */
export function standInFor(message: Seen, request: Seen): void {
  request[passages] = message[passages];
}

/** For the error if nothing authenticated a request: who asks, and the advice, with its punctuation. */
export interface Mistake {
  readonly name: string;
  readonly advice: string;
}

/**
 * Checks requirements of a request that a gate let in. They're checked together, so that one challenge names
 * everything that's needed. It also names the scopes that the request turned out to have before. A
 * requirement that was met isn't checked again.
 *
 * @param request the arrival's `message` or `request`
 * @param requirements all known ones of the route
 * @returns the refusal, which is logged; undefined if they're met
 * @throws {Error} no gate has seen the request, which is a mistake in the application
 */
export function checkRequirements(
  request: object,
  requirements: readonly Requirement[],
  mistake: Mistake,
): Refusal | undefined {
  const passage = requirePassage(request, mistake);
  const { server, auth, met } = passage;
  const open = met.length === 0 ? requirements : requirements.filter((one) => !met.includes(one));
  if (open.length === 0) return undefined;
  // Those with a predicate add nothing to a challenge, and it isn't called twice.
  const named = met.filter(({ claims, authorizationDetails }) => !claims && !authorizationDetails);
  const decision = server.authorize(auth, [...named, ...open], passage.arrival.view);
  if (decision.kind !== 'allowed') {
    passage.unmet = open;
    return refusalOn(passage, decision);
  }
  passage.met = [...met, ...open];
  return undefined;
}

/**
 * Refuses a request that your own code rejects, after a check that no requirement covers. The challenge names
 * the scopes that the route requires.
 *
 * @param request the arrival's `message` or `request`
 * @returns the refusal, which is logged
 * @throws {Error} no gate has seen the request
 * @throws {TypeError} `error` isn't an error of this package
 */
export function denyRequest(request: object, error: ResourceServerError, mistake: Mistake): Refusal {
  return denyPassage(requirePassage(request, mistake), error);
}

function denyPassage(passage: Passage, error: ResourceServerError): Refusal {
  const { server, arrival, auth, met, refused } = passage;
  if (refused?.error === error) return toRefusal(refused, server);
  return refusalOn(passage, server.deny(error, auth, met, arrival.view));
}

/** Records and logs a refusal. */
function refusalOn(passage: Passage, denied: Denied): Refusal {
  const { server, auth, arrival } = passage;
  passage.refused = denied;
  logRefusal(denied, arrival, auth);
  return toRefusal(denied, server);
}

/** A refusal, with the way this resource server wants it answered. */
export function toRefusal(denied: Denied, { errors }: ResourceServer): Refusal {
  return { ...denied, errors, toResponse: () => denied.toResponse() }; // a copy has no methods
}

/** {@link checkRequirements} for frameworks with callbacks: calls `next`, or answers. */
export function enforceRequirements(
  request: object,
  requirements: readonly Requirement[],
  mistake: Mistake,
  reply: Reply,
  next: Next,
): void {
  refuseOrContinue(() => checkRequirements(request, requirements, mistake), reply, next);
}

/**
 * Answers the refusal that `find` returns, or calls `next` if there's none. What `find` throws goes to `next`
 * too.
 */
export function refuseOrContinue(find: () => Refusal | undefined, reply: Reply, next: Next): void {
  const act = (refusal: Refusal | undefined): void => {
    if (refusal === undefined) next();
    else refuse(refusal, reply, next);
  };
  proceed(find, act, next);
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

function requirePassage(request: object, { name, advice }: Mistake): Passage {
  const passage = currentPassage(request);
  if (passage !== undefined) return passage;
  // Every copy of this package has a symbol of its own, with the same description.
  const symbols = Object.getOwnPropertySymbols(request);
  if (symbols.some(({ description }) => description === passages.description))
    throw new Error(`${name}: what authenticated this request ${OF_ANOTHER_COPY}`);
  throw new Error(`${name}: nothing authenticated this request${advice}`);
}

/**
 * The caller, from the first of these requests that a gate has seen. Undefined if that's anonymous, or there
 * is none.
 */
export function findAuth(...requests: readonly object[]): Auth | undefined {
  return requests.map(currentPassage).find((passage) => passage !== undefined)?.auth;
}

function currentPassage(request: Seen): Passage | undefined {
  return request[passages]?.at(-1);
}

/**
 * The verified access token of a request that a gate let in, never undefined.
 *
 * Also takes an object whose member `auth` is a genuine `Auth`, so that a unit test can pass `{ auth:
 * fakeAuth(…) }`.
 *
 * @typeParam C the application's own claims
 * @throws {Error} nothing authenticated the request, it's anonymous (`optional: true`), or its `auth` isn't
 *   genuine
 */
export function getAuth<C extends object = RegisteredClaims>(request: object): Auth<C> {
  const passage = currentPassage(request);
  const auth: unknown = passage === undefined ? Reflect.get(request, 'auth') : passage.auth;
  if (isAuth(auth)) return auth as unknown as Auth<C>; // the claims' type is the application's promise
  if (typeof auth === 'object' && auth !== null && Symbol.for('oauth-resource-server.auth') in auth)
    throw new Error(`getAuth: the auth of the request ${OF_ANOTHER_COPY}`);
  throw new Error(
    'getAuth: the request is not authenticated, so it carries no verified access token. ' +
      'Put authenticate(), the plugin or the module before the code that calls it; in NestJS, middleware ' +
      'comes before guards, so call it in a guard or later. ' +
      'On a public route, or if it may be anonymous (optional: true), check its auth first',
  );
}
