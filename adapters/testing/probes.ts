import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, type RequestListener, request, type ServerResponse } from 'node:http';
import { type Examination, examine } from '../kit/passage.js';

/** A request to a route of the application under test. */
export interface Probe {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** The outcome of a {@link Probe}. */
export interface Outcome {
  readonly status: number;
  /** `WWW-Authenticate`; empty if there's none. */
  readonly challenge: string;
  /** `Location`; empty if there's none. */
  readonly location: string;
  /** Whether it got to the handler, which didn't run. */
  readonly isReached: boolean;
  /** The last handler that it got to, whether that ran or not; undefined if there's none. */
  readonly handler: unknown;
  /** What the resource servers on its way checked, in order. */
  readonly examinations: readonly Examination[];
  /** Whether this package refused it. */
  readonly isRefused: boolean;
}

/** Header field that identifies a request. It's removed before the application sees it. */
const ID = 'x-probe';

interface Arrival {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  isReached: boolean;
  handler: unknown;
}

/** Sends requests over HTTP, and follows them into the application. */
export class Probes {
  /** How many were sent. */
  sent = 0;
  readonly #timeoutSeconds: number;
  readonly #arrivals = new Map<string, Arrival>();
  readonly #current = new WeakMap<object, Arrival>();
  readonly #agent = new Agent({ keepAlive: true });

  constructor(timeoutSeconds = 10) {
    this.#timeoutSeconds = timeoutSeconds;
  }

  /** Passes requests on to an application after noting which ones are ours. */
  watch(listener: RequestListener): RequestListener {
    return (message, response) => {
      const at = message.rawHeaders.indexOf(ID);
      if (at !== -1) {
        const [, id = ''] = message.rawHeaders.splice(at, 2);
        const arrival = { message, response, isReached: false, handler: undefined };
        this.#arrivals.set(id, arrival);
        this.#current.set(message, arrival);
      }
      listener(message, response);
    };
  }

  /** If the request is ours, keeps which handler it got to, in the target's own terms. */
  note(message: object, handler: unknown): void {
    const arrival = this.#current.get(message);
    if (arrival !== undefined) arrival.handler = handler;
  }

  /**
   * If the request is ours, answers it instead of the handler it reached.
   *
   * @param message Node's
   * @returns false for any other request, which must go on
   */
  stop(message: object): boolean {
    const arrival = this.#current.get(message);
    if (arrival === undefined) return false;
    arrival.isReached = true;
    arrival.response.writeHead(204).end();
    return true;
  }

  /** Sends a request to the application that listens at `origin`. Rejects if it gets no answer. */
  async send(origin: string, probe: Probe): Promise<Outcome> {
    const id = randomUUID();
    this.sent++;
    const answer = await this.#request(origin, { ...probe, headers: { ...probe.headers, [ID]: id } });
    const arrival = this.#arrivals.get(id);
    this.#arrivals.delete(id);
    const examinations = arrival === undefined ? [] : examine(arrival.message);
    return {
      status: answer.statusCode ?? 0,
      challenge: answer.headers['www-authenticate'] ?? '',
      location: answer.headers.location ?? '',
      isReached: arrival?.isReached === true,
      handler: arrival?.handler,
      examinations,
      isRefused: examinations.at(-1)?.refused !== undefined && arrival?.isReached !== true,
    };
  }

  #request(origin: string, probe: Probe): Promise<IncomingMessage> {
    const { method, url, headers, body } = probe;
    const { hostname, port } = new URL(origin);
    const length = { ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }) };
    return new Promise((resolve, reject) => {
      const seconds = this.#timeoutSeconds;
      const options = { agent: this.#agent, hostname, port, method, path: url, timeout: seconds * 1000 };
      const sent = request({ ...options, headers: { ...headers, ...length } }, (answer) => {
        answer.on('end', () => resolve(answer)).on('error', reject);
        answer.resume();
      });
      let isTimedOut = false;
      sent.on('timeout', () => {
        isTimedOut = true;
        const [scheme = 'no credentials'] = headers.Authorization?.split(' ', 1) ?? [];
        sent.destroy(new Error(`${method} ${url} with ${scheme} got no answer in ${seconds} seconds`));
      });
      sent.on('error', (error) => {
        // The server closed an idle connection at that very moment.
        if (sent.reusedSocket && !isTimedOut) resolve(this.#request(origin, probe));
        else reject(error);
      });
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** How far a request got, in words. */
export const describeReach = ({ isReached, status }: Outcome): string =>
  isReached ? 'reached its handler' : String(status);
