/** Whether a text may stand in a command that somebody pastes into a shell: no character there means anything to one. */
export function isShellSafe(text: string): boolean {
  return /^[\w./:%@+~-]+$/.test(text) && !text.startsWith('-');
}
