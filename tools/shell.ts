/** No character in it has a special meaning. */
const PLAIN = /^[\w./:%@+=,-][\w./:%@+=,~-]*$/;

/** `it's` → `'it'\''s'`: one word of a POSIX shell, whatever is in it. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Whether a text can be pasted into any shell as it is, as an argument that is no option. In PowerShell, a
 * comma makes a list.
 */
export function isShellSafe(text: string): boolean {
  return PLAIN.test(text) && !/^-|[,=]/.test(text);
}

/**
 * A line for a shell: `npx oauth-resource-server check https://auth.example.com --timeout=3`.
 *
 * @param flags by name, as {@link parseCommandLine} reads them
 */
export function programLine(
  command: string,
  argument: string,
  flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
): string {
  const words = Object.entries(flags).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => (one === true ? `--${name}` : `--${name}=${one}`)),
  );
  return ['npx oauth-resource-server', command, ...[argument, ...words].map(shellWord)].join(' ');
}
