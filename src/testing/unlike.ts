/** A made-up value that's none of the genuine ones: `candidate`, longer if one of them is just that. */
export function unlike(candidate: string, ...genuine: readonly unknown[]): string {
  return genuine.includes(candidate) ? unlike(`${candidate}x`, ...genuine) : candidate;
}
