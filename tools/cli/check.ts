import { checkOptions, withoutCredentials } from '../core.js';
import { programLine } from '../shell.js';
import { parseCommandLine, readNumber } from './arguments.js';
import {
  type CheckOptions,
  type CheckReport,
  checkIssuer,
  examineIssuerForm,
  PLACEHOLDER_AUDIENCE,
  toServerOptions,
} from './check/check-issuer.js';
import type { Finding } from './check/finding.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { checkFlags } from './flags.js';
import { INTROSPECTION_FLAGS, INTROSPECTION_HELP, readIntrospection } from './introspection-flags.js';
import { printable, quote, toJson } from './printable.js';

const HELP = `Usage: npx oauth-resource-server check <issuer> [options]

Fetches the metadata and the keys of an issuer as a resource server does, and says step by step
what works, what doesn't, and what to do about it. Ends with the options to paste.

Options:
  --jwks-uri <url>                where the keys are, instead of discovery
  --metadata-url <url>            where the metadata is, instead of the well-known places
  --timeout <s>                   seconds for each document, above 0, at most 60, default 5
  --allow-insecure-requests       allow http for hosts other than this one
  --json                          for programs

With these, it asks the issuer about a made-up token, as for opaque tokens (RFC 7662):
${INTROSPECTION_HELP}

Exit code: 0 a resource server can use the issuer, 1 it cannot, 2 wrong usage.`;

const FLAGS = {
  'jwks-uri': { type: 'string' },
  'metadata-url': { type: 'string' },
  ...INTROSPECTION_FLAGS,
  timeout: { type: 'string' },
  'allow-insecure-requests': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** `oauth-resource-server check`: whether an issuer can be used, and if not, why. */
export const check: Command = {
  name: 'check',
  summary: "whether an issuer's metadata and keys can be used, and if not, why",
  help: HELP,
  async run(args, context) {
    const { options, json, credential } = await readArguments(args, context);
    const report = await checkIssuer(options);
    if (json) context.print(toDocument(report, options));
    else for (const line of toLines(report, options, credential)) context.print(line);
    return report.usable ? 0 : 1;
  },
};

async function readArguments(
  args: readonly string[],
  context: CommandContext,
): Promise<{ readonly options: CheckOptions; readonly json: boolean; readonly credential: Pasted }> {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  const [issuer, ...others] = positionals;
  if (issuer === undefined || others.length > 0) throw new UsageError('check takes one issuer');
  const { fetch, clock, signal } = context;
  const introspection = await readIntrospection(values, context);
  const options: CheckOptions = {
    issuer,
    jwksUri: values['jwks-uri'],
    metadataUrl: values['metadata-url'],
    introspectionEndpoint: values['introspection-endpoint'],
    introspection,
    timeoutSeconds: readNumber(values.timeout, 'timeout') ?? 5,
    allowInsecureRequests: values['allow-insecure-requests'] ?? false,
    commandFor: (another) => programLine('check', another, values),
    fetch,
    clock,
    signal,
  };
  // A wrong issuer is a result of this command; a wrong option is wrong usage.
  const isAsked = introspection !== undefined || options.introspectionEndpoint !== undefined;
  if (examineIssuerForm(issuer, options).status === 'ok')
    checkFlags(() => checkOptions(toServerOptions(options, isAsked)), {
      '--client-key': values['client-key'],
    });
  const { 'client-secret-env': variable = 'CLIENT_SECRET', 'client-key': keyFile = '' } = values;
  const file = `await readFile(${quote(keyFile)}, 'utf8')`;
  const privateKey = typeof introspection?.privateKey === 'string' ? file : `JSON.parse(${file})`;
  const credential: Pasted =
    keyFile === ''
      ? { clientSecret: new Code(`process.env.${variable} ?? ''`) }
      : { privateKey: new Code(privateKey) };
  return { options, json: values.json ?? false, credential };
}

/** Source text to print as it is. */
class Code {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Where the application gets the secret or key from: the pasted options don't contain it. */
type Pasted = { readonly [member in 'clientSecret' | 'privateKey']?: Code };

/** Stands for the API's identifier as a client. */
const PLACEHOLDER_CLIENT = 'your-api';
const SIGNS = { ok: '✓', info: '–', warning: '!', failed: '✗' } as const;
const COLUMN = 25;

/** The findings in lines, and what to paste if the issuer is usable. */
function toLines(report: CheckReport, options: CheckOptions, credential: Pasted): readonly string[] {
  const { verifiedBy, usable, reason, keys } = report;
  // The keys were loaded, and none is of use.
  const isRefused = reason === undefined && keys.length > 0;
  const answer = isRefused ? 'each is answered with 401' : 'every request is answered with 503';
  const isNone = report.findings.some(({ step, status }) => step === 'issuer' && status === 'failed');
  const unverified = isNone
    ? 'An API with this issuer does not start: its options are refused.'
    : `No access token of this issuer can be verified: ${answer}.`;
  const outcome = usable
    ? [
        'Options for this issuer, with the identifier of your API as the audience:',
        '',
        ...toSource(report, options, credential),
      ]
    : [
        verifiedBy.keys
          ? 'Its JWTs can be verified. It cannot be asked about tokens: each opaque one is answered with 503.'
          : unverified,
      ];
  return [...report.findings.flatMap(findingLines), '', ...outcome].map(printable);
}

/** The same for programs. docs/cli.md describes its format. */
function toDocument(report: CheckReport, options: CheckOptions): string {
  const { usable, reason, findings, keys } = report;
  return toJson({
    issuer: withoutCredentials(options.issuer),
    outcome: usable ? 'usable' : 'unusable',
    reason: reason ?? null,
    findings: findings.map(({ step, status, message, fix }) => ({ step, status, message, fix: fix ?? null })),
    keys: keys.map(({ kid, kty, crv, algorithms, bits, use, cause }) => ({
      kid: kid ?? null,
      kty: kty ?? null,
      crv: crv ?? null,
      algorithms,
      bits: bits ?? null,
      use,
      cause: cause ?? null,
    })),
    options: usable ? toJsonOptions(report, options) : null,
  });
}

function findingLines({ step, status, message, fix }: Finding): readonly string[] {
  const line = `${SIGNS[status]} ${step.padEnd(COLUMN - 2)}${message}`;
  return fix === undefined ? [line] : [line, `${'  fix'.padEnd(COLUMN)}${fix}`];
}

/**
 * What differs from the defaults, as JSON.
 *
 * @param credential of the API as a client, if the issuer is asked about tokens. JSON has none
 */
function toJsonOptions(
  { verifiedBy, accessTokens }: CheckReport,
  options: CheckOptions,
  credential: Pasted = {},
): Record<string, unknown> {
  const { metadataUrl, allowInsecureRequests, introspectionEndpoint, introspection } = options;
  const { issuer, jwksUri } = accessTokens ?? options;
  const details = {
    jwksUri,
    metadataUrl: jwksUri === undefined ? metadataUrl : undefined,
    ...(verifiedBy.introspection && {
      introspection: {
        endpoint: introspectionEndpoint,
        clientId: introspection?.clientId ?? PLACEHOLDER_CLIENT,
        ...credential,
        authenticationMethod: introspection?.authenticationMethod,
      },
    }),
  };
  const hasDetails = Object.values(details).some((value) => value !== undefined);
  return {
    issuer: hasDetails ? { issuer, ...details } : issuer,
    ...(allowInsecureRequests && { allowInsecureRequests }),
  };
}

function toSource(report: CheckReport, options: CheckOptions, credential: Pasted): readonly string[] {
  const { issuer, ...others } = toJsonOptions(report, options, credential);
  const members = { issuer, audience: PLACEHOLDER_AUDIENCE, ...others };
  return ['{', ...Object.entries(members).map(([name, value]) => `  ${name}: ${literal(value)},`), '}'].map(
    (line) => `  ${line}`,
  );
}

/** A value as TypeScript writes it. */
function literal(value: unknown): string {
  if (value instanceof Code) return value.text;
  if (typeof value === 'string') return `'${value.replace(/['\\]/g, '\\$&')}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${members.map(([name, member]) => `${name}: ${literal(member)}`).join(', ')} }`;
}
