import { express4Harness, express5Harness } from './express.js';
import type { Harness } from './harness.js';

/** Every framework that runs the contract. */
export const harnesses: readonly Harness[] = [express5Harness, express4Harness];
