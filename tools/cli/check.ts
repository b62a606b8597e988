import { numberOf, parseCommandLine } from './arguments.js';
import { type CheckOptions, checkIssuer, toServerOptions } from './check/check-issuer.js';
import { examineIssuerForm } from './check/issuer-form.js';
import { toDocument, toLines } from './check/render.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { checkServerOptions } from './server-options.js';

const HELP = `Usage: npx oauth-resource-server check <issuer> [options]

Fetches the metadata and the keys of an issuer as a resource server does, and says step by step what works, what does
not, and what to do about it. Ends with the options to paste.

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
    timeoutSeconds: numberOf(values.timeout, 'timeout') ?? 5,
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
