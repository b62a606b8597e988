import { parseCommandLine, readNumber } from './arguments.js';
import {
  type CheckOptions,
  type CheckReport,
  checkIssuer,
  examineIssuerForm,
  PLACEHOLDER_AUDIENCE,
  toServerOptions,
  withoutUserInfo,
} from './check/check-issuer.js';
import type { Finding } from './check/finding.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { printable, toJson } from './printable.js';
import { checkServerOptions } from './server-options.js';

const HELP = `Usage: npx oauth-resource-server check <issuer> [options]

Fetches the metadata and the keys of an issuer as a resource server does, and says step by step
what works, what doesn't, and what to do about it. Ends with the options to paste.

Options:
  --jwks-uri <url>            where the keys are, in place of the metadata
  --metadata-url <url>        where the metadata is, in place of the well-known places
  --timeout <s>               seconds for each document, above 0, at most 60, default 5
  --allow-insecure-requests   http for other hosts than this one
  --json                      for programs

Exit code: 0 a resource server can load the keys, 1 it cannot, 2 wrong use.`;

const FLAGS = {
  'jwks-uri': { type: 'string' },
  'metadata-url': { type: 'string' },
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
    const { options, json } = readArguments(args, context);
    const report = await checkIssuer(options);
    if (json) context.print(toDocument(report, options));
    else for (const line of toLines(report, options)) context.print(line);
    return report.usable ? 0 : 1;
  },
};

function readArguments(
  args: readonly string[],
  { fetch, clock, signal }: CommandContext,
): { readonly options: CheckOptions; readonly json: boolean } {
  const { values, positionals } = parseCommandLine(args, FLAGS);
  const [issuer, another] = positionals;
  if (issuer === undefined || another !== undefined) throw new UsageError('check takes one issuer');
  const options: CheckOptions = {
    issuer,
    jwksUri: values['jwks-uri'],
    metadataUrl: values['metadata-url'],
    timeoutSeconds: readNumber(values.timeout, 'timeout') ?? 5,
    allowInsecureRequests: values['allow-insecure-requests'] ?? false,
    fetch,
    clock,
    signal,
  };
  // A wrong issuer is an answer of this command; a wrong option is wrong use.
  if (examineIssuerForm(issuer, options.allowInsecureRequests).status === 'ok')
    checkServerOptions(toServerOptions(options));
  return { options, json: values.json ?? false };
}

const SIGNS = { ok: '✓', info: '–', warning: '!', failed: '✗' } as const;
const COLUMN = 17;

/** The findings, and what to paste if the issuer is usable, in lines. */
function toLines(report: CheckReport, options: CheckOptions): readonly string[] {
  return [
    ...report.findings.flatMap(findingLines),
    '',
    ...(report.usable
      ? [
          'Options for this issuer, with the identifier of your API as the audience:',
          '',
          ...toSource(options),
        ]
      : ['No access token of this issuer can be verified: every request is answered with 503.']),
  ].map(printable);
}

/** The same for programs. docs/cli.md describes its shape. */
function toDocument(report: CheckReport, options: CheckOptions): string {
  const { usable, reason, findings, keys } = report;
  return toJson({
    issuer: withoutUserInfo(options.issuer),
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
    options: usable ? toJsonOptions(options) : null,
  });
}

function findingLines({ step, status, message, fix }: Finding): readonly string[] {
  const line = `${SIGNS[status]} ${step.padEnd(COLUMN - 2)}${message}`;
  return fix === undefined ? [line] : [line, `${'  fix'.padEnd(COLUMN)}${fix}`];
}

/** What differs from the defaults, as JSON has it. */
function toJsonOptions(options: CheckOptions): Record<string, unknown> {
  const { issuer, jwksUri, metadataUrl, allowInsecureRequests } = options;
  const details = { jwksUri, metadataUrl };
  const hasDetails = Object.values(details).some((value) => value !== undefined);
  return {
    issuer: hasDetails ? { issuer, ...details } : issuer,
    ...(allowInsecureRequests && { allowInsecureRequests }),
  };
}

function toSource(options: CheckOptions): readonly string[] {
  const { issuer, ...others } = toJsonOptions(options);
  const members = { issuer, audience: PLACEHOLDER_AUDIENCE, ...others };
  return ['{', ...Object.entries(members).map(([name, value]) => `  ${name}: ${literal(value)},`), '}'].map(
    (line) => `  ${line}`,
  );
}

/** A value as TypeScript writes it. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replace(/['\\]/g, '\\$&')}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${members.map(([name, member]) => `${name}: ${literal(member)}`).join(', ')} }`;
}
