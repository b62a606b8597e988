import { type CommandContext, UsageError } from './command.js';

/** Where the client's secret may come from; exactly one of them. */
export interface SecretFlags {
  readonly 'client-secret'?: string;
  readonly 'client-secret-env'?: string;
  readonly 'client-secret-stdin'?: boolean;
}

const MAX_SECRET_LENGTH = 10_000;

/**
 * Reads the secret from where the flags say.
 *
 * @throws {UsageError} none or several of the flags, an empty or overlong secret
 */
export async function readSecret(flags: SecretFlags, context: CommandContext): Promise<string> {
  const { 'client-secret': inline, 'client-secret-env': variable, 'client-secret-stdin': fromStdin } = flags;
  const given = [inline, variable, fromStdin].filter((flag) => flag !== undefined);
  if (given.length !== 1)
    throw new UsageError('token needs one of --client-secret-env, --client-secret-stdin and --client-secret');
  if (inline !== undefined) return checked(inline, '--client-secret');
  if (variable === undefined) return checked(await readLine(context), 'standard input');
  return checked(context.env[variable], 'the environment variable of --client-secret-env');
}

function checked(secret: string | undefined, source: string): string {
  if (secret === undefined || secret === '') throw new UsageError(`there is no secret in ${source}`);
  if (secret.length > MAX_SECRET_LENGTH) throw new UsageError(`the secret in ${source} is too long`);
  return secret;
}

/** The first line: what a file, a pipe or `pass show` gives, without the line break at its end. */
async function readLine({ stdin }: CommandContext): Promise<string> {
  let text = '';
  stdin.setEncoding('utf8');
  for await (const chunk of stdin) {
    text += chunk;
    if (text.includes('\n') || text.length > MAX_SECRET_LENGTH) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}
