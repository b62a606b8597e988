/** Parameters in a path of Express 4, Express 5, Fastify or Nest, and escapes. */
const GROUP = String.raw`\((?:\\.|[^()\\]|\([^()]*\))*\)`;
const PARAMETER = String.raw`:(?:"([^"]+)"|([\w$]+))(?:${GROUP})?[?*+]?`;
const TOKEN = new RegExp(String.raw`::|\\(.)|${PARAMETER}|\*([\w$]*)|${GROUP}`, 'g');

/**
 * A router's path with its parameters filled in. Optional groups of Express 5, `{/:page}`, are left out.
 *
 * @param path `/stock/:sku`, `/files/*path`
 * @param fill returns the value for a parameter: `sku`, `path`, or `*` if it has no name
 */
export function fillPath(path: string, fill: (name: string) => string): string {
  let required = path;
  for (let before = ''; before !== required; ) {
    before = required;
    required = before.replace(/(?<!\\)\{[^{}]*\}/g, '');
  }
  return required.replace(TOKEN, (token, escaped?: string, quoted?: string, plain?: string, rest?: string) =>
    token === '::' ? ':' : (escaped ?? fill(quoted ?? plain ?? (rest || '*'))),
  );
}

/** A path below another one: `/api/` and `/stock` give `/api/stock`. */
export function joinPath(prefix: string, path: string): string {
  const joined = `${prefix.replace(/\/$/, '')}${path === '/' ? '' : path}`;
  return joined === '' ? '/' : joined;
}
