import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
setFlagsFromString('--no-expose-gc');

/** Collects garbage a few times, and lets what waits for that go on. */
export async function collectGarbage(rounds = 5): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
