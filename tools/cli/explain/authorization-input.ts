import { addAbortSignal, type Readable } from 'node:stream';
import { type CommandContext, UsageError } from '../command.js';

/** Far beyond any token, so that one which is too large can still be explained. */
const MAX_INPUT_LENGTH = 1_048_576;
const FIELD = /^authorization:/i;
/** Schemes that somebody may have in front of a token. Any other first word could be a piece of the token itself. */
const SCHEME = /^(?:bearer|basic|digest|dpop|jwt|token|mac)(?:\s|$)/i;

/**
 * The value of the `Authorization` field to explain: from the arguments, or from standard input where these are `-` or none.
 *
 * @returns undefined for no field: the input is empty
 * @throws {UsageError} neither has one
 */
export async function readAuthorization(
  positionals: readonly string[],
  context: CommandContext,
): Promise<string | undefined> {
  const [first, ...others] = positionals;
  if (first === '-' && others.length > 0) throw new UsageError('nothing may stand beside -');
  if (first !== undefined && first !== '-') return toAuthorization(positionals.join(' ')); // `Bearer eyJ…` without quotes is two
  if (first === undefined && context.stdin.isTTY === true)
    throw new UsageError('give a token, or pipe one to standard input');
  return toAuthorization(await readAll(context.stdin, context.signal));
}

/**
 * Reads a token, `Bearer` and a token, or a whole `Authorization` line as they are copied from somewhere, as the value of the field.
 *
 * `eyJ…` → `Bearer eyJ…`; `Authorization: Bearer eyJ…` → `Bearer eyJ…`; blank → undefined
 */
function toAuthorization(input: string): string | undefined {
  const text = input.trim();
  if (text === '') return undefined;
  if (FIELD.test(text)) return text.replace(FIELD, '').trim();
  return SCHEME.test(text) ? text : `Bearer ${text}`;
}

async function readAll(stdin: Readable, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of addAbortSignal(signal, stdin)) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.length > MAX_INPUT_LENGTH) throw new UsageError('there is more than a token on standard input');
  }
  return text + decoder.decode();
}
