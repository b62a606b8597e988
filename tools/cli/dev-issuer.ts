import { once } from 'node:events';
import process from 'node:process';
import {
  type DevIssuer,
  type DevIssuerOptions,
  isOpenToOthers,
  type ServedRequest,
  settingsToPaste,
  startDevIssuer,
} from '../dev-issuer/index.js';
import { errorCode } from '../json-file.js';
import { type Command, type CommandContext, CommandError } from './command.js';
import { readDevIssuerCommandLine } from './dev-issuer-options.js';
import { printable } from './printable.js';

const HELP = `Usage: npx oauth-resource-server dev-issuer [options]

Starts an authorization server for development on this machine: discovery, keys,
access tokens (client credentials, token exchange, JWT bearer; bearer, DPoP or
bound to a certificate), introspection, and a page to try them.
It refuses to run with NODE_ENV=production and on other than loopback addresses.

Options:
  --client <id[:secret[:scopes]]>  a client; repeatable. Without a secret it gets
                                   a random one; scopes are separated by spaces
                                   (default order-service:dev-secret)
  --scope <scopes>                 scopes of clients that name none themselves
                                   (default client: read:inventory write:orders)
  --audience <id>                  the API that tokens are for; repeatable, the
                                   first one is the default
                                   (default https://inventory.example.com)
  --port <number>                  default 4400; 0 takes any free port
  --host <name>                    localhost, 127.0.0.0/8 or ::1 (default 127.0.0.1)
  --algorithm <name>               what signs the tokens (default RS256)
  --lifetime <seconds>             how long a token is valid (default 3600)
  --keys <file>                    keep the private keys in this file, so that
                                   tokens stay valid after a restart
  --dpop-nonce                     ask for a nonce in the DPoP proofs of token requests
  --tls-cert <file>                serve https with this certificate, in PEM, and
  --tls-key <file>                 its key; clients may present certificates then
  --tls-ca <file>                  who vouches for them
  --mtls-port <number>             https on a second port, for clients with
                                   certificates; the first one stays http
  --config <file>                  all of this as JSON, and more per client; flags
                                   override it
  --json                           print one line of JSON: the addresses, and the
                                   clients with their secrets; no log of requests

Secrets given here show up in the process list: use made-up ones.
Ctrl-C ends it.

Examples:
  npx oauth-resource-server dev-issuer
  npx oauth-resource-server dev-issuer --keys .dev-keys.json \\
    --client 'order-service:dev-secret:read:inventory' --audience https://inventory.example.com`;

/** `oauth-resource-server dev-issuer`: an authorization server for development. */
export const devIssuer: Command = {
  name: 'dev-issuer',
  summary: 'start an authorization server for development on this machine',
  help: HELP,
  async run(args, context) {
    if (context.env.NODE_ENV === 'production')
      throw new CommandError('dev-issuer is for development and does not run with NODE_ENV=production');
    const { options, json } = await readDevIssuerCommandLine(args);
    await serve(options, json, context);
    return 0;
  },
};

/** Runs until the context's signal is aborted. */
async function serve(options: DevIssuerOptions, json: boolean, context: CommandContext): Promise<void> {
  const { clock, signal } = context;
  const issuer = await startDevIssuer(options, {
    clock,
    onFault: (error) => context.printError(`fault: ${printable(String(error))}`),
    // To standard error: a script that has read its first line may have closed standard output.
    ...(json ? {} : { onRequest: (request) => context.printError(printable(logLine(request, clock()))) }),
  }).catch((error: unknown) => {
    throw explainListening(error);
  });
  try {
    const lines = json ? [JSON.stringify(describe(issuer))] : announcement(issuer);
    for (const line of lines) context.print(printable(line));
    if (options.keys !== undefined && (await isOpenToOthers(options.keys)))
      context.printError(
        `warning: others on this machine can read ${printable(options.keys)}; chmod 600 keeps them out`,
      );
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await issuer.close();
  }
}

/** An address that can't be used isn't a bug of ours. */
function explainListening(error: unknown): unknown {
  const code = errorCode(error);
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  if (code === 'EADDRINUSE') return new CommandError('the port is taken; choose another one with --port');
  const isOfListening = syscall === 'listen' || syscall === 'getaddrinfo';
  return isOfListening ? new CommandError(`cannot listen there: ${code}`) : error;
}

/** For programs: the content of {@link announcement}. */
function describe(devIssuer: DevIssuer): object {
  const { issuer, tokenEndpoint, introspectionEndpoint, jwksUri, mtlsTokenEndpoint, clients } = devIssuer;
  return {
    issuer,
    tokenEndpoint,
    introspectionEndpoint,
    jwksUri,
    ...(mtlsTokenEndpoint !== undefined && { mtlsTokenEndpoint }),
    clients: clients.map(({ clientId, clientSecret, scopes, audience }) => ({
      clientId,
      clientSecret: clientSecret ?? null,
      scopes,
      audience,
    })),
    pid: process.pid,
  };
}

/** Scripts read the first line: the URL is at its end, and nothing else in it changes. */
function announcement({ issuer, clients, mtlsTokenEndpoint }: DevIssuer): readonly string[] {
  const [first] = clients;
  const paste = first === undefined ? undefined : settingsToPaste(issuer, first);
  return [
    `dev-issuer: listening on ${issuer}`,
    '',
    'For development only: anyone who can reach this port gets tokens.',
    `Open ${issuer}/ in a browser to make tokens and forged ones, and to try them.`,
    ...section('Clients', clients.map(describeClient).join('\n')),
    ...section('Clients with certificates get tokens at', mtlsTokenEndpoint),
    ...section('The API', paste?.resourceServer),
    ...section('The service that calls it', paste?.client),
    ...section('The same as an .env file', paste?.environment),
    ...section('Get a token', paste?.getToken),
    ...section('Call the API with it', paste?.callApi),
    '',
    'Ctrl-C ends it. Until then this is the log, without secrets and tokens:',
    '',
  ];
}

function section(title: string, text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  return ['', `${title}:`, '', ...text.split('\n').map((line) => (line === '' ? '' : `  ${line}`))];
}

/** `14:03:07  200  POST /token  order-service, client_credentials, scope read:inventory, for …` */
function logLine({ method, path, status, notes }: ServedRequest, now: number): string {
  const time = new Date(now).toTimeString().slice(0, 8);
  return [time, status, `${method} ${path}`, notes.join(', ')].join('  ').trimEnd();
}

function describeClient(client: DevIssuer['clients'][number]): string {
  const { clientId, clientSecret, jwks, jwksUri, tlsClientAuth, certificates, scopes } = client;
  const credentials = [
    ...(clientSecret === undefined ? [] : [`secret ${clientSecret}`]),
    ...((jwks ?? jwksUri) === undefined ? [] : ['private_key_jwt']),
    ...(tlsClientAuth === undefined ? [] : ['tls_client_auth']),
    ...(client.workload === undefined ? [] : [`workload ${client.workload.subject}`]),
    ...(certificates.length === 0 ? [] : ['self_signed_tls_client_auth']),
  ].join(', ');
  return `${clientId}: ${credentials}, ${scopes.length === 0 ? 'no scopes' : `scopes ${scopes.join(' ')}`}`;
}
