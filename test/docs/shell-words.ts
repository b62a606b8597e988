/** The variables of a shell. */
export type Variables = ReadonlyMap<string, string>;

const VARIABLE = /\$(?:(\w+)|\{(\w+)\}|(\?))/y;

/**
 * Splits a command line into words as a POSIX shell does, as far as the documentation goes: quotes,
 * backslashes and variables. A pipe is a word of its own.
 *
 * @throws {Error} a quote that does not end, or a variable that is not set
 */
export function splitWords(line: string, variables: Variables): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index);
    if (character === '$' && quote !== "'") {
      const { value, length } = expand(line, index, variables);
      word = `${word ?? ''}${value}`;
      index += length - 1;
    } else if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else if (character === '\\' && quote !== "'") {
      index += 1;
      word = `${word ?? ''}${line.charAt(index)}`;
    } else if (quote === undefined && character === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ''}${character}`;
  }
  if (quote !== undefined) throw new Error(`a quote does not end: ${line}`);
  return word === undefined ? words : [...words, word];
}

function expand(line: string, index: number, variables: Variables): { value: string; length: number } {
  VARIABLE.lastIndex = index;
  const [text = '', plain, braced, status] = VARIABLE.exec(line) ?? [];
  const name = plain ?? braced ?? status ?? '';
  const value = variables.get(name);
  if (value === undefined) throw new Error(`the variable ${name} is not set: ${line}`);
  return { value, length: text.length };
}
