/**
 * What an operation costs: one pass over `inputs`, then more passes until `minimumMs` are over.
 *
 * An operation that answers at once is not awaited: a consumer that knows both kinds would not either.
 *
 * @returns microseconds per call: CPU of the whole process, CPU of this thread (absent before Node 23.9), time
 */
export async function measure(operation, inputs, { inFlight, minimumMs = 0 }) {
  bringAccountsUpToDate();
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const thread = process.threadCpuUsage?.();
  let calls = 0;
  do {
    await pass(operation, inputs, inFlight);
    calls += inputs.length;
  } while (performance.now() - startedAt < minimumMs);
  const elapsedMs = performance.now() - startedAt;
  bringAccountsUpToDate();
  return {
    calls,
    cpuMicros: total(process.cpuUsage(cpu)) / calls,
    threadMicros: thread && total(process.threadCpuUsage(thread)) / calls,
    wallMicros: (elapsedMs * 1000) / calls,
  };
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Linux adds to a running thread's CPU time at its ticks, some milliseconds apart, and whenever the thread waits. So it waits a moment. */
function bringAccountsUpToDate() {
  Atomics.wait(nothing, 0, 0, 0.05);
}

/** CPU time in microseconds, of the program and of the kernel for it. */
export function total({ user, system }) {
  return user + system;
}

async function pass(operation, inputs, inFlight) {
  let next = 0;
  const lane = async () => {
    while (next < inputs.length) {
      const outcome = operation(inputs[next++]);
      if (outcome instanceof Promise) await outcome;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** Turns an operation that must refuse into one that must not fail. */
export function refusing(operation) {
  const accepted = () => {
    throw new Error('accepted what it must refuse');
  };
  const refused = () => {};
  return (input) => {
    let outcome;
    try {
      outcome = operation(input);
    } catch {
      return undefined;
    }
    return outcome instanceof Promise ? outcome.then(accepted, refused) : accepted();
  };
}
