const LIMIT_SECONDS = 30;

/** Lets the story wait for things to happen rather than for time to pass. */
export interface Watch {
  /** To be called by everything that counts something, when it has. */
  readonly changed: () => void;
  /**
   * Resolves as soon as the condition holds.
   *
   * @param what the condition in words, for the error
   * @throws {Error} it did not come to hold within 30 seconds
   */
  until(what: string, holds: () => boolean): Promise<void>;
}

export function createWatch(): Watch {
  const waiting = new Set<() => void>();
  return {
    changed() {
      for (const look of waiting) look();
    },
    until(what, holds) {
      return new Promise((resolve, reject) => {
        const limit = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`waited ${LIMIT_SECONDS} seconds until ${what}`));
        }, LIMIT_SECONDS * 1000);
        const look = (): void => {
          if (!holds()) return;
          clearTimeout(limit);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
  };
}
