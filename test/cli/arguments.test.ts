import { describe, expect, it } from 'vitest';
import { parseCommandLine, readNumber } from '../../tools/cli/arguments.js';
import { UsageError } from '../../tools/cli/command.js';

const flags = {
  issuer: { type: 'string' },
  scope: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;
const parse = (...args: readonly string[]) => parseCommandLine(args, flags);

describe('parseCommandLine', () => {
  it('reads options in both spellings, and the other arguments in order', () => {
    const { values, positionals } = parse(
      'one',
      '--issuer',
      'a',
      '--scope=b',
      '--json',
      'two',
      '--scope',
      'c',
    );
    expect({ ...values }).toEqual({ issuer: 'a', scope: ['b', 'c'], json: true });
    expect(positionals).toEqual(['one', 'two']);
  });

  it('takes - for an argument, also as a value', () => {
    expect(parse('-', '--issuer', '-')).toMatchObject({ positionals: ['-'], values: { issuer: '-' } });
  });

  it('takes no option behind --', () => {
    expect(parse('--', '--json')).toMatchObject({ positionals: ['--json'], values: {} });
  });

  it('takes a value that begins with - behind =', () => {
    expect(parse('--issuer=-x').values.issuer).toBe('-x');
  });

  it.each([
    [['--isuer', 'a'], 'unknown option --isuer; did you mean --issuer?'],
    [['--xyz'], 'unknown option --xyz; known are --issuer, --scope, --json'],
    [['-x'], 'unknown option -x; known are --issuer, --scope, --json'],
    [['--__proto__', 'a'], 'unknown option; known are --issuer, --scope, --json'],
    [['--constructor'], 'unknown option --constructor; known are --issuer, --scope, --json'],
    [['--eyJhbGciOiJub25lIn0.e30.'], 'unknown option; known are --issuer, --scope, --json'],
    [['--issuer'], '--issuer needs a value'],
    [['--issuer', '--json'], '--issuer needs a value; if the value begins with -, write --issuer=<value>'],
    [['--issuer', '-secret'], '--issuer needs a value; if the value begins with -, write --issuer=<value>'],
    [['--json=yes'], '--json takes no value'],
    [['--issuer', 'a', '--issuer', 'b'], '--issuer is given twice'],
    [['--json', '--json'], '--json is given twice'],
  ])('refuses %j', (args, message) => {
    expect(() => parse(...args)).toThrow(new UsageError(message));
  });
});

describe('readNumber', () => {
  it.each([
    ['5', 5],
    ['0.5', 0.5],
    [undefined, undefined],
  ])('reads %s', (value, number) => {
    expect(readNumber(value, 'timeout')).toBe(number);
  });

  it.each(['', 'x', '-1', '1e3', '0x10', '5s', ' 5', 'Infinity', '.5', '5.'])('refuses %j', (value) => {
    expect(() => readNumber(value, 'timeout')).toThrow(new UsageError('--timeout takes a number'));
  });
});
