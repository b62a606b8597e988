/**
 * A variable of the environment; undefined too if the program may not read it, which Deno forbids unless it's
 * allowed.
 */
export function readEnvironment(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}
