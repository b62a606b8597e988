/** An environment variable. Also undefined if the program may not read it, as in Deno without permission. */
export function readEnvironment(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}
