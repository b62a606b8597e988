/** Whether tests run at their full size: `npm run check:full` sets `TEST_SIZE=full`. */
export const isFullSize: boolean = process.env.TEST_SIZE === 'full';

/** How often a heavy test repeats itself: this often at full size, and a tenth as often otherwise. */
export function repeats(fullSize: number): number {
  return isFullSize ? fullSize : Math.ceil(fullSize / 10);
}
