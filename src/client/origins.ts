import { badOption, type Check, textList } from '../lib/check.js';
import { quote, quoteUrl } from '../lib/public-text.js';
import { describeUrlFault, type InsecureRequests, isAcceptableUrl, readOrigin } from '../lib/url.js';

const ORIGINS =
  'a list of origins such as https://inventory.example.com ' +
  '(http only for loopback hosts, and for one origin that allowInsecureRequests names)';
/** Also in the form of cookies and `NO_PROXY`: `.example.com`. */
const WILDCARD = /\*|^(?:https?:\/\/)?\./i;

/** Checks the option `origins`: where `fetch` may send the token. */
export function originsCheck(allowInsecureRequests: InsecureRequests): Check<readonly string[]> {
  return (given, path) => {
    const list = textList(given, path, ORIGINS);
    if (list.some((value) => WILDCARD.test(value)))
      throw badOption(path, 'takes full origins: wildcards are not supported');
    const isOrigin = (value: string) =>
      isAcceptableUrl(value, allowInsecureRequests) && readOrigin(value) === value;
    const wrong = list.find((value) => !isOrigin(value));
    if (wrong !== undefined) throw badOption(path, `takes ${ORIGINS}, ${describeWrongOrigin(wrong)}`);
    const origins = [...new Set(list)];
    // One service in a private network is a decision; a list of them sends the token around in clear text.
    if (origins.filter((origin) => !isAcceptableUrl(origin, false)).length > 1)
      throw badOption(path, 'takes one plain http origin at most: use https for the others');
    return Object.freeze(origins);
  };
}

function describeWrongOrigin(text: string): string {
  const got = quoteUrl(text);
  if (got === undefined) return 'without a path and as URLs write them, got another string';
  const origin = readOrigin(text);
  if (origin !== undefined && origin !== text && /^https?:/.test(origin))
    return `got ${got}; did you mean ${quote(origin)}?`;
  const [what, fix] = describeUrlFault(text, true);
  return `got ${got}, which ${what}: ${fix}`;
}

/** The origin of `resource`, if that's a URL that may get the token. */
export function defaultOrigins(
  resource: string | undefined,
  allowInsecureRequests: InsecureRequests,
): readonly string[] {
  if (!isAcceptableUrl(resource, allowInsecureRequests)) return Object.freeze([]);
  const { origin } = new URL(resource);
  return Object.freeze(WILDCARD.test(origin) ? [] : [origin]);
}
