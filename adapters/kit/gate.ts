import {
  type Allowed,
  type Auth,
  createResourceServer,
  type Decision,
  isCorsPreflight,
  isResourceServer,
  type Requirement,
  type ResourceServer,
  type ResourceServerError,
  type ResourceServerOptions,
} from '../../src/index.js';
import { isPromise } from '../../src/lib/promise.js';
import { type Next, type Refusal, type Reply, refuse, setHeaders } from './answers.js';
import { ANYONE, checkRequirements, UNREACHABLE } from './check-requirements.js';
import { denyPassage, recordRefusal, toRefusal } from './deny.js';
import { type Arrival, enterPassage, findPassage, type Passage, passageFor } from './passage.js';
import { toError } from './settle.js';

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
    const passage = enterPassage(this.server, arrival);
    show(undefined, request); // in case something was there before
    if (passage.decision === undefined) {
      // Unless a method override makes it another request for later routes.
      if (preflight === 'pass' && message.method === 'OPTIONS' && isCorsPreflight(view)) {
        keepMethod(message);
        // It's not read, but a token in the URL is still none of the application's business (RFC 6750 §2.3).
        if (this.server.bearerMethods.includes('query')) view.removeQueryParameter?.('access_token');
        return PASSED;
      }
      const decided = this.server.authenticate(view, requirements);
      passage.decision = isPromise(decided) ? noteLater(passage, decided) : note(passage, decided);
    }
    if (isPromise(passage.decision)) return showLater(passage, passage.decision, request);
    show(passage.auth, request);
    return passage.decision;
  }

  /** {@link authenticate} for frameworks with callbacks: calls `next`, or answers. */
  admit(
    arrival: Arrival,
    reply: Reply,
    next: Next,
    requirements?: readonly Requirement[],
    preflight?: 'pass' | 'refuse',
  ): void {
    // Not `proceed`, whose closures every request would pay for: see below.
    let decision: Decision | Promise<Decision>;
    try {
      decision = this.authenticate(arrival, requirements, preflight);
    } catch (cause) {
      next(toError(cause));
      return;
    }
    if (isPromise(decision)) this.#admitLater(decision, reply, next);
    else this.#admit(decision, reply, next);
  }

  #admit(decision: Decision, reply: Reply, next: Next): void {
    if (decision.kind !== 'allowed') refuse(toRefusal(decision, this.server), reply, next);
    else {
      setHeaders(reply, decision.headers);
      next();
    }
  }

  #admitLater(decision: Promise<Decision>, reply: Reply, next: Next): void {
    decision.then((known) => this.#admit(known, reply, next)).catch((cause: unknown) => next(toError(cause)));
  }

  /**
   * Lets a request to a public route in, unauthenticated. Removes an `auth` from another source. One that
   * this gate's resource server verified stays, for other code that handles the request.
   */
  pass({ message, request }: Pick<Arrival, 'message' | 'request'>): void {
    if (findPassage(this.server, message) === undefined) show(undefined, request);
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
    const passage = enterPassage(this.server, arrival);
    passage.decision = { kind: 'allowed', auth, headers: undefined };
    passage.auth = auth;
    passage.refused = undefined;
    passage.met = [];
    show(auth, arrival.request);
  }

  /** {@link denyRequest} on behalf of this resource server, even if it hasn't seen the request. */
  deny(arrival: Arrival, error: ResourceServerError): Refusal {
    return denyPassage(passageFor(this.server, arrival), error);
  }

  /** Whether the request passed this gate as a CORS preflight, and nothing else is known about it. */
  isPreflight(message: object): boolean {
    const passage = findPassage(this.server, message);
    return passage !== undefined && passage.decision === undefined;
  }
}

/**
 * Stores the decision with the passage. Anything else is a bug, and mustn't pass: `next(undefined)` would
 * continue.
 */
function note(passage: Passage, decision: Decision): Decision {
  if (decision.kind === 'allowed') passage.auth = decision.auth;
  else if (decision.kind === 'denied') recordRefusal(passage, decision);
  else throw new TypeError('authenticate returned no decision');
  return decision;
}

// Functions of their own: closures inside the methods above take memory even if there's nothing to wait for,
// a quarter of all that a known token takes.

function noteLater(passage: Passage, decision: Promise<Decision>): Promise<Decision> {
  return decision.then((known) => note(passage, known));
}

function showLater(
  passage: Passage,
  decision: Promise<Decision>,
  request: object | undefined,
): Promise<Decision> {
  return decision.then((known) => {
    show(passage.auth, request);
    return known;
  });
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
