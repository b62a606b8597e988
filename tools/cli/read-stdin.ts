import { addAbortSignal } from 'node:stream';
import type { CommandContext } from './command.js';

/**
 * Reads standard input as UTF-8, until it ends, `isEnough` says so of what came, or the user interrupts.
 *
 * @throws the reason of an interruption
 */
export async function readStdin(
  { stdin, signal }: Pick<CommandContext, 'stdin' | 'signal'>,
  isEnough: (text: string) => boolean,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of addAbortSignal(signal, stdin)) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (isEnough(text)) return text;
  }
  return text + decoder.decode();
}
