import {
  type Auth,
  type Decision,
  InsufficientScopeError,
  InvalidTokenError,
  isResourceServerError,
  type Requirement,
  type ResourceServer,
  type ResourceServerError,
  UnavailableError,
} from '../../src/index.js';
import { type Check, numberBetween, optional } from '../../src/lib/check.js';
import type { Gate } from './gate.js';
import { getAuth } from './get-auth.js';
import type { Arrival } from './passage.js';
import { warnOfBug } from './settle.js';

/** A connection that ends when its access token expires or is revoked. */
export interface Connection {
  /** The caller, from the last accepted token. */
  readonly auth: Auth;
  /**
   * Whether a message may do what it asks.
   *
   * @param requirement one, or a list that's checked together
   * @returns also denied once the connection has ended
   */
  authorize(requirement: Requirement | readonly Requirement[]): Decision;
  /**
   * Goes on with a fresh token of the same caller: of the same issuer, subject, client and actor, and one
   * that meets the requirements of the connection. Any other token ends the connection. So does one that's
   * bound to a key, or a fresh one on a connection whose token is: a message has no proof of possession.
   *
   * @param token as the client sent it, of any type
   * @returns whether the connection continues with it. If not, it has ended; or the token can't be verified
   *   right now, and the connection keeps the old one. Nothing that a client sends can make the promise
   *   reject
   */
  renew(token: unknown): Promise<boolean>;
}

/** The transport of a connection: a socket or a stream. */
export interface Line {
  isOpen(): boolean;
  onClose(listener: () => void): void;
  end(error: ResourceServerError): void;
}

/** The option `recheckSeconds`. */
export const recheckSecondsOption: Check<number> = optional(numberBetween(1, 86_400), 60);

/** The conditions of an open connection. */
export interface Terms {
  /** What its tokens must meet. */
  readonly requirements: readonly Requirement[];
  readonly recheckSeconds: number;
}

/** The timer of a connection, and what it watches. */
export class TokenLifetime implements Connection {
  readonly #server: ResourceServer;
  readonly #adopt: (fresh: Auth) => void;
  readonly #line: Line;
  readonly #terms: Terms;
  #auth: Auth;
  #timer: NodeJS.Timeout | undefined;
  /** Why we ended the connection. */
  #ended: ResourceServerError | undefined;

  /** @param arrival the request that opened the connection, let in by `gate` */
  constructor(gate: Gate, arrival: Arrival, line: Line, terms: Terms) {
    this.#server = gate.server;
    this.#adopt = (fresh) => gate.adopt(arrival, fresh);
    this.#auth = getAuth(arrival.message);
    this.#line = line;
    this.#terms = terms;
    line.onClose(() => clearTimeout(this.#timer));
    this.#wait();
  }

  get auth(): Auth {
    return this.#auth;
  }

  authorize(requirement: Requirement | readonly Requirement[]): Decision {
    if (this.#ended === undefined) this.#endIfExpired();
    if (this.#ended !== undefined) return this.#server.deny(this.#ended, this.#auth);
    return this.#server.authorize(this.#auth, requirement);
  }

  async renew(token: unknown): Promise<boolean> {
    try {
      const fresh = await this.#server.verify(token as string); // `verify` checks the type
      const refusal = this.#refusalOf(fresh);
      if (refusal !== undefined) this.#end(refusal);
      else if (this.#ended === undefined) this.#goOnWith(fresh);
    } catch (error) {
      if (!isResourceServerError(error)) throw error;
      if (error instanceof UnavailableError) return false;
      this.#end(error);
    }
    return this.#ended === undefined;
  }

  /** Why this can't be the token of the connection. */
  #refusalOf(fresh: Auth): ResourceServerError | undefined {
    const { issuer, subject, clientId, claims } = this.#auth;
    const isSameActor = describeActor(fresh) === describeActor(this.#auth);
    const deny = (error: ResourceServerError) => this.#server.deny(error, fresh).error;
    if (Object.hasOwn(claims, 'cnf')) return deny(new InvalidTokenError('unsupported_confirmation'));
    if (fresh.issuer !== issuer || fresh.subject !== subject || fresh.clientId !== clientId || !isSameActor)
      return deny(new InsufficientScopeError('caller_mismatch'));
    if (this.#terms.requirements.length === 0) return undefined;
    const decision = this.#server.authorize(fresh, this.#terms.requirements);
    return decision.kind === 'allowed' ? undefined : decision.error;
  }

  #goOnWith(auth: Auth): void {
    this.#auth = auth;
    this.#adopt(auth);
    this.#wait();
  }

  /** Waits until the token expires or must be verified again, whichever is first. */
  #wait(): void {
    clearTimeout(this.#timer);
    if (!this.#line.isOpen()) return;
    const seconds = Math.min(this.#server.secondsLeft(this.#auth), this.#terms.recheckSeconds);
    this.#timer = setTimeout(() => void this.#check(), seconds * 1000).unref();
  }

  async #check(): Promise<void> {
    if (!this.#line.isOpen() || this.#endIfExpired()) return;
    this.#wait(); // verifying may take longer than the token lives
    const auth = this.#auth;
    try {
      const again = await this.#server.recheck(auth);
      if (this.#auth === auth && this.#ended === undefined) this.#goOnWith(again);
    } catch (error) {
      if (!isResourceServerError(error)) {
        warnOfBug(error);
        // A client that connects again is decided anew.
        return this.#end(new UnavailableError('revocation_unavailable', 1));
      }
      const isOutdated = this.#auth !== auth; // a fresh token came meanwhile
      if (!isOutdated && !(error instanceof UnavailableError)) this.#end(error);
    }
  }

  #endIfExpired(): boolean {
    if (this.#server.secondsLeft(this.#auth) > 0) return false;
    this.#end(this.#server.deny(new InvalidTokenError('expired'), this.#auth).error);
    return true;
  }

  #end(error: ResourceServerError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearTimeout(this.#timer);
    this.#line.end(error);
  }
}

/** Everything that identifies the actor, and nothing about earlier actors (RFC 8693 §4.1). */
function describeActor({ claims: { act } }: Auth): string | undefined {
  return act && JSON.stringify(Object.entries(act).filter(([, value]) => typeof value !== 'object'));
}
