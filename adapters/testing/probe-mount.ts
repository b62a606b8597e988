import { randomUUID } from 'node:crypto';
import type { Outcome } from './probes.js';
import { type Bench, type RouteSample, type Send, sender } from './requests.js';
import type { TargetRoute } from './target.js';

/** GraphQL answers a POST. tRPC answers HEAD, but has no procedure without a name. */
const METHODS = ['GET', 'HEAD', 'POST'] as const;

/** How to call what answers at a path, and how it answers without a token. */
export interface Entrance {
  readonly send: Send;
  readonly anonymous: Outcome;
}

/**
 * Finds out what middleware with a path does with requests without a token. Its handlers run: there's no
 * telling which of its functions is one.
 *
 * @returns an answer, a good one if there is one; undefined if it refuses them all, or passes them on
 */
export async function probeMount(
  found: TargetRoute,
  url: string,
  sample: RouteSample,
  bench: Bench,
): Promise<Entrance | undefined> {
  const enter = async (path: string, method: (typeof METHODS)[number]): Promise<Entrance> => {
    const body = method === 'POST' ? (sample.body ?? {}) : undefined;
    const sendBy = sender(found, path, { ...sample, body }, bench);
    const send: Send = (headers) => sendBy(headers, method);
    return { send, anonymous: await send({}) };
  };
  const { anonymous } = await enter(url, 'GET');
  // A folder of files answers only for those that exist: `express.static`.
  const path = leadsToFolder(anonymous, url, bench) ? `${url}/${randomUUID()}` : url;
  const entrances = await Promise.all(METHODS.map((method) => enter(path, method)));
  const answers = entrances.filter((one) => isAnswer(one.anonymous));
  return answers.find((one) => one.anonymous.status < 400) ?? answers[0];
}

/** Whether it redirects to the same path with a slash. */
function leadsToFolder({ status, location }: Outcome, url: string, { origin }: Bench): boolean {
  const { href, pathname } = new URL(url, origin);
  if (status < 300 || status > 399 || !URL.canParse(location, href)) return false;
  return new URL(location, href).pathname === `${pathname}/`;
}

/** Not if a route on the same path was reached, which is proven by itself. */
const isAnswer = (outcome: Outcome): boolean =>
  !(outcome.isReached || isRefusal(outcome) || [404, 405].includes(outcome.status));

/** Whether it takes more to get in. */
export const isRefusal = ({ isRefused, isReached, status }: Outcome): boolean =>
  isRefused || (!isReached && [401, 403].includes(status));
