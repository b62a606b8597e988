import type { Auth, Denied } from '../../src/index.js';
import type { Command } from './command.js';
import { readAuthorization, readExplainArguments } from './explain/explain-arguments.js';
import { explainToken } from './explain/explain-token.js';
import type { Explanation, Step } from './explain/explanation.js';
import { INTROSPECTION_HELP } from './introspection-flags.js';
import { printable, show, showList, toJson } from './printable.js';

const HELP = `\
Usage: npx oauth-resource-server explain [token] --issuer <issuer> --audience <audience> [options]

Shows each check that a resource server makes on an access token: what it found, what it expected,
and what to change. The decision is the one of a resource server with these options.

The token is a JWT, "Bearer" and a JWT, or a whole "Authorization" line. Without one, and for "-",
it's read from standard input, which keeps it out of the shell's history. The only requests go to
the issuer, and none are made for a token that can't be valid. The token's claims are printed, its
signature isn't. An opaque token is explained by the issuer's answer about it (RFC 7662).

Options, as for createResourceServer:
  --issuer <issuer>           whose tokens the API accepts
  --audience <audience>       the API's own identifier; several times for several
  --scope <scopes>            every scope that the route requires
  --token-type <type>         any (default) or at+jwt
  --algorithm <alg>           an accepted algorithm, such as RS256; several times for several
  --clock-tolerance <s>       seconds, 0 to 300, default 5
  --scope-claim <name>        the claim with the granted scopes, default scope
  --client-id-claim <name>    the claim with the client, default client_id
  --client-id <id>            a client whose tokens are accepted without "aud"; several times for several
  --audience-may-be-client    accepts tokens whose only audience is their own client
  --nonce-may-be-present      accepts tokens with the nonce of a login
  --jwks <file>               the issuer's keys: a file with a JWK Set
  --jwks-uri <url>            where the issuer's keys are
  --metadata-url <url>        where the issuer's metadata is
  --timeout <s>               seconds, default 5
  --allow-insecure-requests   allow http for hosts other than this one
  --json                      for programs

With these, it asks the issuer about an opaque token:
${INTROSPECTION_HELP}
  --may-be-absent <member>        aud or exp, if the issuer's answers lack it; several times for both

Exit code: 0 accepted, 1 refused, or unknown because the issuer cannot be reached, 2 wrong usage.`;

/** `oauth-resource-server explain`: why a token is accepted or refused. */
export const explain: Command = {
  name: 'explain',
  summary: 'why a token is accepted or refused, check by check',
  help: HELP,
  async run(args, context) {
    const { positionals, options, json } = await readExplainArguments(args, context);
    const authorization = await readAuthorization(positionals, context);
    const explanation = await explainToken(authorization, options);
    context.signal.throwIfAborted();
    if (json) context.print(toDocument(explanation));
    else for (const line of toLines(explanation)) context.print(line);
    return explanation.refusal === undefined ? 0 : 1;
  },
};

const SIGNS = { passed: '✓', failed: '✗', not_reached: '–' } as const;
const COLUMN = 18;

/** The steps, the decision, and the client's answer, in lines. */
function toLines(explanation: Explanation): readonly string[] {
  const { refusal, auth, steps } = explanation;
  const end = refusal === undefined ? acceptanceLines(auth) : refusalLines(refusal, steps);
  return [...steps.flatMap(stepLines), '', ...end].map(printable);
}

/** The same for programs. docs/cli.md describes its format. */
function toDocument({ refusal, auth, steps }: Explanation): string {
  return toJson({
    outcome: refusal === undefined ? 'accepted' : refusal.answer.status === 503 ? 'unavailable' : 'refused',
    reason: refusal?.error.reason ?? null,
    message: refusal?.error.message ?? null,
    hint: refusal?.error.hint ?? null,
    answer: refusal === undefined ? null : { ...refusal.answer, body: refusal.answer.body ?? null },
    auth: auth === undefined ? null : withoutToken(auth),
    steps: steps.map(({ step, status, reason, actual, expected, fix }) => ({
      step,
      status,
      reason: reason ?? null,
      actual: actual ?? null,
      expected: expected ?? null,
      fix: fix ?? null,
    })),
  });
}

function withoutToken({ issuer, subject, clientId, actor, audience, scopes, expiresAt }: Auth): object {
  const identity = { subject: subject ?? null, clientId: clientId ?? null, actor: actor ?? null };
  return { issuer, ...identity, audience, scopes, expiresAt };
}

function stepLines({ step, status, actual, expected, fix }: Step): readonly string[] {
  const line = `${SIGNS[status]} ${step.padEnd(COLUMN - 2)}${actual ?? 'not reached'}`;
  if (status !== 'failed') return [line];
  return [line, `${'  expected'.padEnd(COLUMN)}${expected}`, `${'  fix'.padEnd(COLUMN)}${fix}`];
}

function acceptanceLines(auth: Auth | undefined): readonly string[] {
  return [
    'Accepted. The API gets:',
    '',
    `  clientId  ${show(auth?.clientId)}`,
    `  subject   ${show(auth?.subject)}`,
    `  scopes    ${showList(auth?.scopes ?? [])}`,
  ];
}

function refusalLines({ error, answer }: Denied, steps: readonly Step[]): readonly string[] {
  const failures = steps.filter(({ status }) => status === 'failed').length;
  const others = failures > 1 ? ' That is the first ✗. Fix the others too.' : '';
  return [
    error.status === 503
      ? `Cannot be verified right now: ${error.reason}.`
      : `Refused: ${error.reason}.${others}`,
    'The client gets:',
    '',
    `  HTTP ${answer.status}`,
    ...Object.entries(answer.headers).map(([name, value]) => `  ${name}: ${String(value)}`),
    ...(answer.body === undefined ? [] : ['', `  ${answer.body}`]),
  ];
}
