import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answerWith } from '../children.mjs';
import { total } from '../measure.mjs';
import { startServer } from '../servers/start.mjs';

const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let before;

/** A server of one framework with one contestant, or with none, in a process of its own. It reads its own meters. */
answerWith({
  async start(what) {
    delay.enable();
    const started = await startServer(what);
    // Otherwise the first full collection may fall into the first load, and everything stays a fifth slower.
    globalThis.gc();
    return started;
  },

  begin() {
    delay.reset();
    before = { cpu: process.cpuUsage(), thread: process.threadCpuUsage?.() };
  },

  end() {
    const { cpu, thread } = before;
    return {
      cpuMicros: total(process.cpuUsage(cpu)),
      threadMicros: thread && total(process.threadCpuUsage(thread)),
      // The monitor records the time between its ticks, of which the resolution is none of the server's doing.
      delayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
    };
  },
});
