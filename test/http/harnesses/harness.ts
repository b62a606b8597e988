import type { ResourceServer, ResourceServerOptions } from '../../../src/index.js';
import type { ContractServer, ContractSettings } from '../../../src/testing/index.js';

/** Of a server that speaks TLS itself. Keys and certificates in PEM. */
export interface TlsOptions {
  readonly key: string;
  readonly cert: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

export interface HarnessSettings extends Partial<ContractSettings> {
  /** For a server that speaks TLS itself; otherwise it's plain HTTP. */
  readonly tls?: TlsOptions;
}

/** Starts the routes of the contract on one framework. */
export interface Harness {
  readonly name: string;
  /** @param settings plain HTTP, with a CORS layer, and no trust in proxies by default */
  start(options: ResourceServerOptions | ResourceServer, settings?: HarnessSettings): Promise<Running>;
}

export interface Running extends ContractServer {
  readonly handled: () => number;
  close(): Promise<void>;
}
