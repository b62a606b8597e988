import { reportWarning, type WarningMessage } from './diagnostics.js';
import { describeError } from './lib/errors.js';
import { isPromise } from './lib/promise.js';

/**
 * Calls a predicate of the application. Only `true` counts. An exception, a promise or any other value is a
 * refusal, and is reported.
 */
export function returnsTrue(source: WarningMessage['source'], predicate: () => unknown): boolean {
  const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
  return askApplication(source, predicate, isBoolean) === true;
}

/**
 * Calls a function of the application that must answer at once.
 *
 * @returns undefined, after a report, if it throws or its answer isn't acceptable
 */
export function askApplication<T>(
  source: WarningMessage['source'],
  act: () => unknown,
  isAnswer: (value: unknown) => value is T,
): T | undefined {
  let detail: string;
  try {
    const answer = act();
    if (isAnswer(answer)) return answer;
    detail = isPromise(answer) ? 'promise' : typeof answer;
    // Nothing awaits this promise, but an unhandled rejection would end the process.
    if (isPromise(answer)) Promise.resolve(answer).catch(() => undefined);
  } catch (error) {
    detail = describeError(error);
  }
  reportWarning({ source, detail });
  return undefined;
}
