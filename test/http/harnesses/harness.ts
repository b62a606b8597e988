import type { ResourceServer, ResourceServerOptions } from '../../../src/index.js';

/** Of a server that speaks TLS itself. Keys and certificates in PEM. */
export interface TlsOptions {
  readonly key: string;
  readonly cert: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** Starts the routes of the contract on one framework. */
export interface Harness {
  readonly name: string;
  /**
   * @param tls for a server that speaks TLS itself; otherwise it is plain HTTP
   * @param trustProxy whether the framework is told to believe proxies on loopback
   * @param hasCors whether there is a CORS layer; default true
   */
  start(
    options: ResourceServerOptions | ResourceServer,
    tls?: TlsOptions,
    trustProxy?: boolean,
    hasCors?: boolean,
  ): Promise<Running>;
}

export interface Running {
  readonly url: string;
  close(): Promise<void>;
  /** How often a handler ran that needs authentication. */
  readonly handled: () => number;
}
