/**
 * A timer that doesn't keep the process alive, if the runtime's timers can: those of Workers may be numbers.
 *
 * @param act what to do after so many milliseconds
 */
export function startBackgroundTimer(act: () => void, milliseconds: number): NodeJS.Timeout {
  const timer = setTimeout(act, milliseconds);
  timer.unref?.();
  return timer;
}
