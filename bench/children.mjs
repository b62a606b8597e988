import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** Starts a script beside this one in a process of its own, and returns how to ask it things. */
export function startChild(script, execArgv = []) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [], {
    execArgv,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return {
    /** @returns {Promise<any>} what the child's function of that name returned */
    ask: (name, argument) => ask(child, name, argument),
    async stop() {
      if (!running.has(child)) return;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

function ask(child, name, argument) {
  return new Promise((resolve, reject) => {
    const onExit = (code, signal) => reject(new Error(`the child ended at "${name}": ${signal ?? code}`));
    child.once('exit', onExit);
    child.once('message', ({ result, error }) => {
      child.off('exit', onExit);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    child.send({ name, argument });
  });
}

/** The child's side: answers each question with one of these functions. Ends with the parent. */
export function answerWith(functions) {
  process.on('message', async ({ name, argument }) => {
    try {
      process.send({ result: (await functions[name](argument)) ?? null });
    } catch (error) {
      process.send({ error: String(error?.stack ?? error) });
    }
  });
  process.on('disconnect', () => process.exit());
}
