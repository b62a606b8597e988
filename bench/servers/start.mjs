import { loadContestant } from '../contestants/index.mjs';

/** Starts the route of one framework behind one contestant, or behind none. */
export async function startServer({ framework, contestant, trust }) {
  const { serve } = await import(`./${framework}.mjs`);
  if (contestant === undefined) return { port: await serve() };
  const module = await loadContestant(contestant);
  return { port: await serve(module[framework](trust, contestant.options)) };
}
