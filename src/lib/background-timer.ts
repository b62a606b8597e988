/**
 * A timer that doesn't keep the process alive, if the runtime's timers can do that: on Workers they may be
 * numbers.
 *
 * @param act what to do after that many milliseconds
 */
export function startBackgroundTimer(act: () => void, milliseconds: number): NodeJS.Timeout {
  const timer = setTimeout(act, milliseconds);
  timer.unref?.();
  return timer;
}
