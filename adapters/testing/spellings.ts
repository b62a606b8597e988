import { readErrorCode } from '../../src/lib/errors.js';
import { isRefusal, probeMount } from './probe-mount.js';
import type { Outcome } from './probes.js';
import { type Bench, type RouteSample, routeUrl, sender } from './requests.js';
import type { TargetRoute } from './target.js';

/**
 * Requests without a token whose URL is written in another way, for a route that refuses them as it's
 * written. A check that compares URLs itself may miss a spelling that the router takes for the same.
 *
 * @returns the finding, with the spellings that lead to the route's handler; empty if there are none
 */
export async function trySpellings(
  found: TargetRoute,
  sample: RouteSample,
  bench: Bench,
): Promise<readonly string[]> {
  const call = async (spelling: string): Promise<Outcome | undefined> => {
    if (found.method === 'USE') return (await probeMount(found, spelling, sample, bench))?.anonymous;
    const outcome = await sender(found, spelling, sample, bench)({});
    return isRefusal(outcome) ? undefined : outcome;
  };
  const open: string[] = [];
  for (const spelling of listSpellings(found, sample, bench)) {
    const outcome = await call(spelling).catch((error: unknown) => {
      // A mock of HTTP, such as nock, takes no whole URL for a path.
      if (readErrorCode(error) !== 'ERR_INVALID_URL') throw error;
    });
    if (outcome?.handler !== undefined && found.isServedBy(outcome.handler)) open.push(spelling);
  }
  if (open.length === 0) return [];
  return [
    `lets requests without a token in if they spell its path differently: ${open.join(' ')}. ` +
      'Protect the route itself, instead of comparing URLs',
  ];
}

/** Around the values of parameters. */
const VALUE = '\0';

/** Only those that leave the values of parameters as they are. */
function listSpellings(found: TargetRoute, sample: RouteSample, { fill }: Bench): ReadonlySet<string> {
  const url = routeUrl(found, sample, (name) => VALUE + fill(name) + VALUE) ?? '';
  const [marked = '', query = ''] = url.split(/(?=\?)(.*)/, 2);
  const parts = marked.split(VALUE); // literals and values in turn
  const path = parts.join('');
  const spell = (literal: (text: string) => string, value: (text: string) => string): string =>
    parts.map((part, index) => (index % 2 === 0 ? literal(part) : value(part))).join('');
  const paths = [
    spell(invertCase, keep),
    path.endsWith('/') ? path.slice(0, -1) : `${path}/`,
    `/${path}`,
    path.replace(/\/(?=[^/]*$)/, '//'),
    // Fastify decodes a path before it looks for the route, Express only the values in it.
    spell(encodeLetters, encodeLetters),
    spell(keep, encodeLetters),
    // Fastify with `useSemicolonDelimiter` ends the path there. Elsewhere it's part of the last value.
    parts.at(-1) === '' ? path : `${path};x`,
    // RFC 9112 §3.2.2: servers accept the whole URL, too.
    `http://localhost${path}`,
  ];
  const others = paths.filter((one) => one !== '' && one !== path).map((one) => one + query);
  return new Set([...others, ...(query === '' ? [`${path}?`] : []), `${path}${query}#`]);
}

const keep = (text: string): string => text;

/** `/Api` becomes `/aPI`. */
const invertCase = (text: string): string =>
  text.replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()));

/** `/api` becomes `/%61%70%69`. What's encoded already stays as it is. */
const encodeLetters = (text: string): string =>
  text.replace(/%[\da-f]{2}|[a-z\d]/gi, (one) =>
    one.length > 1 ? one : `%${one.charCodeAt(0).toString(16)}`,
  );
