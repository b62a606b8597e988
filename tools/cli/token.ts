import { parseCommandLine } from './arguments.js';
import { type Command, UsageError } from './command.js';
import { requestToken } from './token-from-issuer.js';
import { mintFromKeysFile } from './token-from-keys.js';

const HELP = `Usage: npx oauth-resource-server token --issuer <url> --client-id <id> [options]
       npx oauth-resource-server token --issuer <url> --keys <file> --audience <id> [options]

Prints an access token, and nothing else, to standard output.

From an authorization server, by client credentials:
  --issuer <url>              the authorization server; its metadata says where
                              the token endpoint is
  --metadata-url <url>        where the metadata is, if not at a usual place
  --token-endpoint <url>      the token endpoint, for a server without metadata;
                              --issuer isn't needed then
  --client-id <id>            the client
  --client-secret-env <name>  the environment variable that has the secret
  --client-secret-stdin       read the secret from standard input
  --client-secret <secret>    the secret itself: it shows up in the process list
                              and in the shell's history, so only for made-up
                              ones
  --authentication-method <method>
                              client_secret_basic or client_secret_post
                              (default: by the metadata)
  --scope <scopes>            what to ask for, separated by spaces; repeatable
  --resource <uri>            the API that the token is for (RFC 8707)
  --audience <id>             the same, as the parameter audience (Auth0)
  --parameter <name=value>    another parameter of the request; repeatable
  --timeout <s>               seconds, above 0, at most 60, default 5
  --allow-insecure-requests   allow http for hosts other than this one

From the keys that dev-issuer keeps, without a network:
  --keys <file>               the file of dev-issuer --keys
  --issuer <url>              "iss" of the token
  --audience <id>             "aud" of the token; repeatable
  --client-id <id>            "client_id" and "sub" (default order-service)
  --scope <scopes>            "scope" of the token; repeatable
  --claim <name=value>        another claim; repeatable. The value is JSON, or
                              text if it is not: level=3, tenant=acme, id='"7"'
  --lifetime <seconds>        how long the token is valid (default 3600)

  --json                      print one line of JSON: the token, when it expires,
                              its scope

Examples:
  SECRET=dev-secret npx oauth-resource-server token --issuer http://127.0.0.1:4400 \\
    --client-id order-service --client-secret-env SECRET --scope read:inventory
  npx oauth-resource-server token --keys .dev-keys.json --issuer http://127.0.0.1:4400 \\
    --audience https://inventory.example.com --scope read:inventory --claim tenant=acme`;

const FLAGS = {
  issuer: { type: 'string' },
  'metadata-url': { type: 'string' },
  'token-endpoint': { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  'client-secret-env': { type: 'string' },
  'client-secret-stdin': { type: 'boolean' },
  'authentication-method': { type: 'string' },
  scope: { type: 'string', multiple: true },
  resource: { type: 'string' },
  parameter: { type: 'string', multiple: true },
  timeout: { type: 'string' },
  'allow-insecure-requests': { type: 'boolean' },
  keys: { type: 'string' },
  audience: { type: 'string', multiple: true },
  claim: { type: 'string', multiple: true },
  lifetime: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Options that only make sense with an authorization server, and those that only make sense with keys. */
const FOR_ISSUER = [
  'metadata-url',
  'token-endpoint',
  'client-secret',
  'client-secret-env',
  'client-secret-stdin',
  'authentication-method',
  'resource',
  'parameter',
  'timeout',
  'allow-insecure-requests',
] as const;
const FOR_KEYS = ['claim', 'lifetime'] as const;

/** `oauth-resource-server token`: one access token, for scripts. */
export const token: Command = {
  name: 'token',
  summary: 'print an access token, from an issuer or from the keys of dev-issuer',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = parseCommandLine(args, FLAGS);
    if (positionals.length > 0) throw new UsageError('token takes options only');
    const { keys, json } = values;
    const misplaced = (keys === undefined ? FOR_KEYS : FOR_ISSUER).find((name) => values[name] !== undefined);
    if (misplaced !== undefined)
      throw new UsageError(
        `--${misplaced} is for tokens ${keys === undefined ? 'from --keys' : 'without --keys'}`,
      );
    const minted =
      keys === undefined
        ? await requestToken(values, context)
        : await mintFromKeysFile({ ...values, keys }, context);
    context.print(json === true ? JSON.stringify(minted) : minted.accessToken);
    return 0;
  },
};
