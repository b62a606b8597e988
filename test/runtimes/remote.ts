import type { StartContractServer } from '../../src/testing/index.js';

/** A harness that runs in another process. */
export interface RemoteHarness {
  readonly start: StartContractServer;
  /** Of the runtime, as it says itself: `24.9.0`. */
  readonly version: string;
  close(): void;
}
