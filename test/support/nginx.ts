import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createClientCertificate } from '../../src/testing/index.js';

/** The program, or undefined where there is none on this machine. Debian keeps it where only root looks. */
export const nginx: string | undefined = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
]
  .map((folder) => join(folder, 'nginx'))
  .find((path) => existsSync(path));

/** An nginx that ends TLS connections. */
export interface RunningNginx {
  /** Where it listens: a Unix socket, so that no port can be taken. */
  readonly socketPath: string;
  close(): Promise<void>;
}

/**
 * Starts nginx, asking for client certificates and taking any.
 *
 * @param locations what stands in the `server` block beside that
 * @param http what stands in the `http` block before it
 */
export async function startNginx(program: string, locations: string, http = ''): Promise<RunningNginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  const { certificate, privateKey } = await createClientCertificate({ commonName: 'localhost' });
  await writeFile(join(folder, 'server.crt'), certificate);
  await writeFile(join(folder, 'server.key'), privateKey);
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, locations, http));
  const child = spawn(program, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('close', () => reject(new Error(`nginx ended: ${said}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (said.includes('[notice]')) resolve(); // it says nothing of that kind before it listens
    });
  });
  return {
    socketPath: join(folder, 'nginx.sock'),
    async close() {
      child.kill();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, locations: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log stderr notice;
    events { worker_connections 64; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${http}
      server {
        listen unix:${folder}/nginx.sock ssl;
        ssl_certificate ${folder}/server.crt;
        ssl_certificate_key ${folder}/server.key;
        ssl_verify_client optional_no_ca;
        ${locations}
      }
    }
  `;
}
