import { describe, expect, it, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { check } from '../../tools/cli/check.js';
import { Interruption } from '../../tools/cli/program.js';
import { run } from './run-program.js';

const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ';
const COMMANDS = ['check', 'explain', 'dev-issuer', 'token'];

describe('the program', () => {
  it('says its version', async () => {
    expect(await run(['--version'])).toEqual({ exitCode: 0, stdout: packageJson.version, stderr: '' });
  });

  it.each([['--help'], ['-h'], ['help']])('lists its commands for %s', async (arg) => {
    const { exitCode, stdout, stderr } = await run([arg]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
  });

  it('lists its commands as an error if none is given', async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    for (const name of COMMANDS) expect(stderr).toContain(`  ${name}`);
  });

  it.each(COMMANDS)('has help for %s', async (name) => {
    const { stdout } = await run([name, '--help']);
    expect(stdout).toMatch(new RegExp(`^Usage: npx oauth-resource-server ${name}\\b`));
    for (const args of [
      [name, '-h'],
      ['help', name],
      [name, '--unknown', '--help'],
    ])
      expect(await run(args)).toEqual({ exitCode: 0, stdout, stderr: '' });
  });

  it('takes nothing behind -- for a call for help', async () => {
    expect((await run(['check', '--', '--help'])).exitCode).toBe(1);
  });

  it.each([
    ['chek', 'unknown command chek; did you mean check?'],
    ['exp', 'unknown command exp; did you mean explain?'],
    ['dev_issuer', 'unknown command; did you mean dev-issuer?'],
    ['tokens', 'unknown command tokens; did you mean token?'],
    ['verify', 'unknown command verify; known are check, explain, dev-issuer, token'],
    ['--verison', 'unknown option --verison; known are check, explain, dev-issuer, token'],
  ])('says what was probably meant by %s', async (name, message) => {
    const { exitCode, stdout, stderr } = await run([name]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe(`oauth-resource-server: ${message}\nHelp: npx oauth-resource-server --help`);
  });

  it('names the help of the command that was used wrongly', async () => {
    const { exitCode, stderr } = await run(['check']);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      'oauth-resource-server: check takes one issuer\nHelp: npx oauth-resource-server check --help',
    );
  });

  it.each([
    [TOKEN],
    ['help', TOKEN],
    ['check', TOKEN, TOKEN],
    ['check', `--${TOKEN}`],
    ['check', `--timeout=${TOKEN}`],
  ])('does not repeat a token that stands in the wrong place: %#', { tags: ['OPS-01'] }, async (...args) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode).toBe(2);
    expect(`${stdout}${stderr}`).not.toContain(TOKEN.slice(0, 12));
  });
});

describe('an unexpected failure', () => {
  const fail = async (error: unknown, surroundings = {}) => {
    const spy = vi.spyOn(check, 'run').mockRejectedValue(error);
    try {
      return await run(['check', 'https://auth.example.com'], surroundings);
    } finally {
      spy.mockRestore();
    }
  };

  it('is one line on standard error, and exit code 1', async () => {
    expect(await fail(new Error('no space left on device'))).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'oauth-resource-server: no space left on device',
    });
  });

  it.each([
    ['no message', new RangeError(), 'RangeError'],
    ['no error', 'down', 'unexpected string'],
    ['line ends and escapes', new Error('a\n\u001b[2Jb'), 'a\\u000a\\u001b[2Jb'],
    ['a token in its message', new Error(`odd: ${TOKEN}`), 'odd: [token]'],
  ])('stays one harmless line with %s', { tags: ['OPS-02'] }, async (_what, error, text) => {
    expect((await fail(error)).stderr).toBe(`oauth-resource-server: ${text}`);
  });

  it.each(['oauth-resource-server', '*', 'express,oauth-resource-server'])(
    'comes with its stack for DEBUG=%s, without tokens',
    async (DEBUG) => {
      const { stderr } = await fail(new Error(`odd: ${TOKEN}`), { env: { DEBUG } });
      expect(stderr).toContain('\n    at ');
      expect(stderr).not.toContain(TOKEN);
    },
  );

  it('comes without a stack for the DEBUG of others', async () => {
    const { stderr } = await fail(new Error('odd'), { env: { DEBUG: 'express:*' } });
    expect(stderr).toBe('oauth-resource-server: odd');
  });

  it.each([
    [new Interruption(143), 143],
    [new Error('stop'), 130],
  ])(
    'prints nothing after an interruption, and has the exit code of the signal',
    async (reason, exitCode) => {
      const signal = AbortSignal.abort(reason);
      expect(await fail(new Error('aborted'), { signal })).toEqual({ exitCode, stdout: '', stderr: '' });
    },
  );
});
