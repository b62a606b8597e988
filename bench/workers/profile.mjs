import { Session } from 'node:inspector/promises';
import { answerWith } from '../children.mjs';
import { startServer } from '../servers/start.mjs';

const INTERVAL_MICROS = 200;
const PACKAGE = 'oauth-resource-server';

const session = new Session();
session.connect();

/** A server in a process of its own, which tells where its time goes. */
answerWith({
  start: startServer,

  async begin() {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROS });
    await session.post('Profiler.start');
  },

  async end() {
    const { profile } = await session.post('Profiler.stop');
    return microsByPlace(profile);
  },
});

/** Microseconds by whom they belong to. Node's own functions belong to whoever calls them. */
function microsByPlace({ nodes, samples, timeDeltas }) {
  const places = placesOf(nodes);
  const micros = { sha256: 0, own: 0, application: 0, node: 0, collector: 0 };
  for (const [index, id] of samples.entries()) {
    const place = places.get(id);
    if (place !== 'idle') micros[place] += timeDeltas[index];
  }
  return micros;
}

/** Parents come before their children. */
function placesOf(nodes) {
  const places = new Map();
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  for (const { id, callFrame } of nodes) places.set(id, placeOf(callFrame, places.get(parents.get(id))));
  return places;
}

function placeOf({ functionName, url }, caller) {
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(garbage collector)') return 'collector';
  if (url.includes(`/node_modules/${PACKAGE}/`)) return 'own';
  // It remembers tokens; nothing else in these servers uses it.
  if (url.includes('/node_modules/lru-cache/')) return 'own';
  if (url.startsWith('file:') || url.startsWith('/')) return 'application';
  if (caller === 'own' && functionName === 'hash') return 'sha256';
  return caller === undefined || caller === 'idle' ? 'node' : caller;
}
