/** A challenge taken apart. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const PARAMETER =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)="((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"(?:, |$)/;

/**
 * Reads one `WWW-Authenticate` field line, strictly: a scheme, a space, and parameters with quoted values,
 * separated by a comma and a space, none of them twice (RFC 9110 §11.6.1, RFC 6750 §3).
 */
export function parseChallenge(line: string): Challenge {
  const space = line.indexOf(' ');
  const scheme = line.slice(0, space);
  if (!/^[A-Za-z]+$/.test(scheme)) throw new Error(`no scheme in ${line}`);
  const parameters: Record<string, string> = {};
  let rest = line.slice(space + 1);
  while (rest !== '') {
    const [read, name, value] = PARAMETER.exec(rest) ?? [];
    if (read === undefined || name === undefined || value === undefined)
      throw new Error(`malformed at ${rest}`);
    if (Object.hasOwn(parameters, name)) throw new Error(`${name} is repeated`);
    parameters[name] = value.replace(/\\(.)/g, '$1');
    rest = rest.slice(read.length);
    if (read.endsWith(', ') && rest === '') throw new Error('a comma at the end');
  }
  if (Object.keys(parameters).length === 0) throw new Error('no parameter');
  return { scheme, parameters };
}

/** The challenges of an answer. The Fetch standard joins their lines: the same (RFC 9110 §5.3). */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap((line) => line.split(/, (?=(?:Bearer|DPoP) )/)).map(parseChallenge);
}
