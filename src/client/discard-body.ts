/** Lets go of a body that nobody reads, so that its connection becomes free. */
export async function discardBody(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // The connection is gone already: nothing is left to release.
  }
}
