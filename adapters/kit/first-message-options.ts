import { type Checks, callable, checkObject, numberBetween, optional } from '../../src/lib/check.js';

/** How a token arrives in the first message: the option `firstMessage`. */
export interface FirstMessageOptions {
  /** How many seconds the client has to send it, above 0, at most 600. Default 10. */
  readonly timeoutSeconds?: number;
  /**
   * Finds the token in the text of the first message. Default: the whole text. If it throws or doesn't return
   * a string, the message is refused as malformed.
   */
  readonly readToken?: (message: string) => unknown;
}

const CHECKS = {
  timeoutSeconds: optional(numberBetween(0.001, 600)),
  readToken: optional(callable),
} satisfies Checks<FirstMessageOptions>;

/** @throws {TypeError} an option is unknown or wrong */
export function checkFirstMessage(options: FirstMessageOptions = {}): void {
  checkObject(options, 'firstMessage', CHECKS);
}
