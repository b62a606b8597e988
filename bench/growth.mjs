import { startChild } from './children.mjs';
import { contestantsOf } from './contestants/index.mjs';
import { measureFloods, measureRefusals } from './growth/refusals.mjs';
import { startVerifiers } from './in-process.mjs';

/** How cost and memory grow with what is configured, and with what a stranger sends. */
export async function measureGrowth(issuer, options, say) {
  const growth = {};
  for (const subject of ['keys', 'issuers', 'scopes', 'tokenSize', 'kinds', 'heap']) {
    say(`growth: ${subject}`);
    growth[subject] = await inChildOfItsOwn(subject, options);
  }
  const contestants = contestantsOf('inProcess').filter(({ kind }) => kind !== 'reference');
  const verifiers = await startVerifiers(contestants, issuer.trust);
  try {
    growth.refusals = await measureRefusals(verifiers, issuer, options, say);
    growth.floods = await measureFloods(verifiers, issuer, options, say);
  } finally {
    await Promise.all(verifiers.map(({ child }) => child.stop()));
  }
  return growth;
}

async function inChildOfItsOwn(subject, options) {
  const child = startChild('./workers/growth.mjs', ['--expose-gc']);
  try {
    return await child.ask(subject, options);
  } finally {
    await child.stop();
  }
}
