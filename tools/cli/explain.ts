import type { Command } from './command.js';
import { readAuthorization } from './explain/authorization-input.js';
import { explainToken } from './explain/explain-token.js';
import { readExplainArguments } from './explain/read-options.js';
import { toDocument, toLines } from './explain/render.js';

const HELP = `Usage: npx oauth-resource-server explain [token] --issuer <issuer> --audience <audience> [options]

Shows each check that a resource server makes of an access token, what it found, what it expected, and what to change.
The decision is that of a resource server with the same options.

The token is a JWT, "Bearer" and a JWT, or a whole "Authorization" line. Without one, and for "-", it is read from
standard input, which keeps it out of the shell's history. Nothing is asked of anybody but the issuer, and not even of
the issuer where the token cannot hold. The token's claims are printed, its signature is not.

Options, as those of createResourceServer:
  --issuer <issuer>           whose tokens the API accepts
  --audience <audience>       the API's own identifier; several times for several
  --scope <scopes>            what the route requires, all of it
  --token-type <type>         any (default) or at+jwt
  --algorithm <alg>           an accepted algorithm, such as RS256; several times for several
  --clock-tolerance <s>       seconds, 0 to 300, default 5
  --scope-claim <name>        the claim with the granted scopes, default scope
  --client-id-claim <name>    the claim with the client, default client_id
  --client-id <id>            a client whose tokens are accepted without "aud"; several times for several
  --jwks <file>               the issuer's keys: a file with a JWK Set
  --jwks-uri <url>            where the issuer's keys are
  --metadata-url <url>        where the issuer's metadata is
  --timeout <s>               seconds, default 5
  --allow-insecure-requests   http for other hosts than this one
  --json                      for programs

Exit code: 0 accepted, 1 refused or not to be told because the issuer is out of reach, 2 wrong use.`;

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
