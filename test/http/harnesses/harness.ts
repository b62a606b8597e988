import type { ResourceServer, ResourceServerOptions } from '../../../src/index.js';

/** Starts the routes of the contract on one framework. */
export interface Harness {
  readonly name: string;
  start(options: ResourceServerOptions | ResourceServer): Promise<Running>;
}

export interface Running {
  readonly url: string;
  close(): Promise<void>;
  /** How often a handler ran that needs authentication. */
  readonly handled: () => number;
}
