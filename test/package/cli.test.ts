import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTestIssuer, type ListeningIssuer } from '../../src/testing/index.js';
import { type App, installApp } from './support/app.js';
import { startProgram } from './support/program.js';
import { runNpm } from './support/run.js';

let app: App;

beforeAll(async () => {
  app = await installApp('cli');
});

async function startIssuer(): Promise<ListeningIssuer> {
  const issuer = await (await createTestIssuer({ audience: 'https://inventory.example.com' })).listen();
  onTestFinished(issuer.close);
  return issuer;
}

describe('the program of the package', () => {
  it('is started by npx and says its version', async () => {
    const manifest = await readFile(
      join(app.folder, 'node_modules/oauth-resource-server/package.json'),
      'utf8',
    );
    const { stdout, stderr } = await runNpm(['exec', '--no', '--', 'oauth-resource-server', '--version'], {
      cwd: app.folder,
    });
    expect(stdout.trim()).toBe(JSON.parse(manifest).version);
    expect(stderr).not.toContain('oauth-resource-server:');
  });

  it('is a script that can be executed', async () => {
    const file = join(app.folder, 'node_modules/.bin/oauth-resource-server');
    expect(await readFile(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect((await stat(file)).mode & 0o111).toBe(0o111);
  });

  it.each([
    [['--help'], 0, /^Usage: npx oauth-resource-server <command>/, /^$/],
    [['dev-issuer', '--help'], 0, /^Usage: npx oauth-resource-server dev-issuer/, /^$/],
    [['token', '--help'], 0, /^Usage: npx oauth-resource-server token/, /^$/],
    [[], 2, /^$/, /^Usage:/],
    [['chek'], 2, /^$/, /did you mean check\?/],
    [['check', 'http://auth.example.com'], 1, /^✗ issuer/, /^$/],
  ])('ends %j with exit code %d', async (args, exitCode, stdout, stderr) => {
    const ended = await startProgram(app, args).ended;
    expect(ended.stdout).toMatch(stdout);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.code).toBe(exitCode);
  });

  it('checks an issuer', async () => {
    const issuer = await startIssuer();
    const { code, stdout, stderr } = await startProgram(app, ['check', issuer.identifier]).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`    issuer: '${issuer.identifier}',\n`);
  });

  it('explains a token that is piped to it, whole, also to a program', async () => {
    const issuer = await startIssuer();
    const options = ['--issuer', issuer.identifier, '--audience', 'https://inventory.example.com'];
    const token = await issuer.token();
    const { code, stdout, stderr } = await startProgram(app, ['explain', ...options, '--json'], `${token}\n`)
      .ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'accepted' });
    const refused = await startProgram(app, ['explain', ...options], token.slice(0, -2)).ended;
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/^Refused: /m);
  });

  it.each<[NodeJS.Signals, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('ends at %s while an issuer does not answer', async (signal, exitCode) => {
    const server = createServer();
    const asked = new Promise<void>((resolve) => server.on('request', () => resolve()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo; // a TCP server that listens has one
    const program = startProgram(app, ['check', `http://127.0.0.1:${port}`, '--timeout', '60']);
    await asked;
    program.process.kill(signal);
    expect(await program.ended).toEqual({ code: exitCode, stdout: '', stderr: '' });
  });

  it.each<NodeJS.Signals>(['SIGINT', 'SIGTERM'])(
    'ends the development issuer in good order at %s',
    async (signal) => {
      const program = startProgram(app, ['dev-issuer', '--port', '0', '--algorithm', 'ES256']);
      await program.printed('Ctrl-C ends it.');
      program.process.kill(signal);
      const { code, stderr } = await program.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  it('ends silently when the pipe is closed', async () => {
    const issuer = await startIssuer();
    const program = startProgram(app, ['check', issuer.identifier]);
    program.process.stdout?.destroy();
    const { code, stderr } = await program.ended;
    expect(stderr).toBe('');
    expect([0, 141]).toContain(code);
  });
});
