import {
  type Decision,
  type Denied,
  InsufficientScopeError,
  type Requirement,
  type ResourceServer,
  type ResourceServerError,
  type ResourceServerOptions,
} from '../../src/index.js';
import { type Check, type Checks, checkObject, optional, optionError } from '../../src/lib/check.js';
import { type Connection, type Line, recheckSecondsOption, TokenLifetime } from './connection.js';
import { Gate } from './gate.js';
import type { Arrival } from './passage.js';

/** A connection gate's own options, besides those of the resource server. */
export interface ConnectionOptions {
  /**
   * The origins of pages that may connect: `['https://app.example.com']`. A request with another `Origin` is
   * refused with 403; one without isn't from a browser. Default: all, because no page has another page's
   * token.
   */
  readonly origins?: readonly string[];
  /**
   * How often the token of an open connection is verified again, in case it was revoked or its key withdrawn.
   * In seconds, from 1 to 86,400. Default 60. For introspected tokens, add the time they're remembered
   * (`introspection.cacheSeconds`).
   */
  readonly recheckSeconds?: number;
}

/** One check per option of {@link ConnectionOptions}. */
export const CONNECTION_CHECKS: {
  readonly origins: Check<readonly string[] | undefined>;
  readonly recheckSeconds: Check<number>;
} = {
  origins: optional(originList),
  recheckSeconds: recheckSecondsOption,
} satisfies Checks<ConnectionOptions>;

/**
 * Lets connections in, and ends them when their tokens end. There are no anonymous connections: even with
 * `optional: true`, those without a token are refused.
 */
export class ConnectionGate {
  readonly server: ResourceServer;
  readonly #gate: Gate;
  readonly #origins: readonly string[] | undefined;
  readonly #recheckSeconds: number;
  readonly #connections = new WeakMap<object, Connection>();

  /**
   * @param options of a resource server, or a ready one to share
   * @throws {TypeError} an option is missing, unknown or wrong
   */
  constructor(options: ResourceServerOptions | ResourceServer, connectionOptions: ConnectionOptions = {}) {
    const { origins, recheckSeconds } = checkObject(connectionOptions, '', CONNECTION_CHECKS);
    this.#gate = new Gate(options);
    this.server = this.#gate.server;
    this.#origins = origins;
    this.#recheckSeconds = recheckSeconds;
  }

  /**
   * The connection of a socket that this gate let in, from `ws` or Socket.IO.
   *
   * @throws {Error} this gate didn't let it in
   */
  connection(socket: object): Connection {
    const connection = this.#connections.get(socket);
    if (connection === undefined) throw new Error('connection: this gate has not let the socket in');
    return connection;
  }

  /** The refusal of a request from a page of another origin. */
  protected checkOrigin(arrival: Arrival): Denied | undefined {
    const sent = [arrival.view.header('origin') ?? []].flat();
    if (sent.every((origin) => this.#origins?.includes(origin) ?? true)) return undefined;
    return this.deny(arrival, new InsufficientScopeError('origin_not_allowed'));
  }

  protected async enter(arrival: Arrival, requirements: readonly Requirement[]): Promise<Decision> {
    return this.checkOrigin(arrival) ?? this.#gate.enter(arrival, requirements);
  }

  protected deny(arrival: Arrival, error: ResourceServerError): Denied {
    return this.#gate.deny(arrival, error);
  }

  /**
   * Watches a connection whose request was let in.
   *
   * @param socket the object that {@link connection} finds it by
   * @param requirements those that its request met
   * @returns undefined if the client has already left
   */
  protected begin(
    socket: object,
    arrival: Arrival,
    requirements: readonly Requirement[],
    line: Line,
  ): Connection | undefined {
    if (!line.isOpen()) return undefined;
    const terms = { requirements, recheckSeconds: this.#recheckSeconds };
    const connection = new TokenLifetime(this.#gate, arrival, line, terms);
    this.#connections.set(socket, connection);
    return connection;
  }
}

function originList(given: unknown, path: string): readonly string[] {
  if (Array.isArray(given) && given.every(isOrigin)) return given;
  throw optionError(path, 'a list such as ["https://app.example.com"]', given);
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value;
}
