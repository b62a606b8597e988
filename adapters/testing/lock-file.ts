import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Requirement } from '../../src/index.js';

/** Who may call a route, as {@link prove} found it. */
export interface ProvenRoute {
  /** `GET`; `ALL` for every method; `USE` for middleware of Express that answers below its path. */
  readonly method: string;
  /** As written in the application: `/stock/:sku`. */
  readonly path: string;
  /**
   * `public`: tokens aren't looked at. `optional`: requests without a token are let in, bad tokens are
   * refused. `token`: only a valid token opens it. `other`: something other than this package refuses
   * requests without a token.
   */
  readonly access: 'public' | 'optional' | 'token' | 'other';
  /** What it requires of a token, all together. */
  readonly requirements: readonly Requirement[];
}

const TITLE =
  '# Who may call what. Written by prove() of oauth-resource-server/testing. Review what changes.';

/** The text of the file: a line per route, sorted by path. */
export function lockText(routes: readonly ProvenRoute[]): string {
  const sorted = routes.toSorted((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  return `${[TITLE, ...sorted.map(lockLine)].join('\n')}\n`;
}

/** The same order on every machine, whatever its locale. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `GET /stock/:sku  scope read:inventory`. */
export function lockLine({ method, path, access, requirements }: ProvenRoute): string {
  const said = [access === 'token' ? [] : access, ...describe(requirements)].flat();
  return `${method} ${path}  ${said.length === 0 ? 'token' : said.join(' + ')}`;
}

/** Requirements in words that stay the same if their order in the code changes. */
function describe(requirements: readonly Requirement[]): readonly string[] {
  const all = new Set(requirements.flatMap(({ allScopes = [] }) => allScopes));
  const others = requirements.flatMap((requirement) => {
    const { anyScope, claims, authentication: { acrValues, maxAgeSeconds } = {} } = requirement;
    return [
      anyScope && `any-scope ${anyScope.toSorted().join(' ')}`,
      acrValues && `acr ${acrValues.join(' ')}`,
      maxAgeSeconds !== undefined && `max-age ${maxAgeSeconds}`,
      claims && `claims ${claims.name}`.trimEnd(),
      requirement.authorizationDetails &&
        `authorization-details ${requirement.authorizationDetails.name}`.trimEnd(),
    ].filter((text) => typeof text === 'string');
  });
  return [...(all.size > 0 ? [`scope ${[...all].toSorted().join(' ')}`] : []), ...others.toSorted()];
}

export interface LockFileOptions {
  readonly lockFile: string | URL;
  readonly update: boolean;
  /** Whether a missing file is a mistake too. */
  readonly isStrict: boolean;
}

/**
 * Compares the result with the file, or writes it.
 *
 * @returns what's wrong, in words; undefined if the file matches, or does now
 */
export function checkLockFile(
  text: string,
  { lockFile, update, isStrict }: LockFileOptions,
): string | undefined {
  const locked = existsSync(lockFile) ? readFileSync(lockFile, 'utf8').replaceAll('\r\n', '\n') : undefined;
  if (locked === text) return undefined;
  if (update || (locked === undefined && !isStrict)) {
    writeFileSync(lockFile, text);
    return undefined;
  }
  const name = String(lockFile);
  if (locked === undefined)
    return `${name} is missing. Run the test once outside of CI, and commit the file.`;
  return [
    `${name} differs:`,
    ...difference(locked.split('\n'), text.split('\n')),
    'If that is what you want, run the test once with AUTHZ_LOCK=update, and commit the file.',
  ].join('\n');
}

/** Lines that only one of two sorted lists has. */
function difference(before: readonly string[], after: readonly string[]): readonly string[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  // A route's old line right before its new one.
  const route = (line: string): string => line.slice(2).split('  ', 1)[0] ?? '';
  return [...gone, ...come].toSorted(
    (a, b) => compare(route(a), route(b)) || compare(b[0] ?? '', a[0] ?? ''),
  );
}
