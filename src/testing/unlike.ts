/** A made-up value that differs from the genuine ones: `candidate`, made longer if it equals one. */
export function unlike(candidate: string, ...genuine: readonly unknown[]): string {
  return genuine.includes(candidate) ? unlike(`${candidate}x`, ...genuine) : candidate;
}
