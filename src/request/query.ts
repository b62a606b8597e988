/** The query string of an absolute URL or request target, without `?` and fragment. */
export function queryText(url: string): string {
  const [beforeFragment = ''] = url.split('#', 1);
  const start = beforeFragment.indexOf('?');
  return start === -1 ? '' : beforeFragment.slice(start + 1);
}

/**
 * The parameters of a query string. A leading `?` belongs to the first name; URLSearchParams alone would drop
 * it.
 */
export function parseQuery(query: string): URLSearchParams {
  return new URLSearchParams(`&${query}`);
}

/** A request target or URL without one parameter of its query. The rest stays as it was written. */
export function withoutQueryParameter(target: string, name: string): string {
  const query = queryText(target);
  const kept = query.split('&').filter((pair) => !parseQuery(pair).has(name));
  return target.replace(`?${query}`, () => (kept.length > 0 ? `?${kept.join('&')}` : ''));
}
