import { readdirSync, readFileSync } from 'node:fs';
import { type ESTree, parseSync } from 'vite';
import { describe, expect, it } from 'vitest';
import { requirements } from './support/requirements.js';

const LEVELS = ['MUST', 'SHOULD', 'MAY', 'ours'];

/** A test, a block of tests, or a row of the contract. */
interface TitledTest {
  readonly file: string;
  /** With the titles of the blocks around it, and `…` for what is filled in: `a key › is skipped when it is …`. */
  readonly title: string;
  readonly ids: readonly string[];
}

const folder = new URL('.', import.meta.url);
const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => /(\.test|contract|-rows)\.ts$/.test(path) && !/node_modules|apps\//.test(path))
  .flatMap((file) => {
    const { program } = parseSync(file, readFileSync(new URL(file, folder), 'utf8'));
    return titledTests(program, { file, title: '', ids: [] });
  });

describe('docs/requirements.md', () => {
  it('names for every requirement a test that carries its id', () => {
    const unproved = requirements.filter(
      ({ id, file, title }) =>
        !tests.some((test) => test.file === file && test.title === title && test.ids.includes(id)),
    );
    expect(unproved).toEqual([]);
  });

  it('has a row for every id that a test carries, and no two', () => {
    const carried = new Set(tests.flatMap(({ ids }) => ids));
    expect(requirements.map(({ id }) => id).sort()).toEqual([...carried].sort());
  });

  it('says of every requirement how binding it is', () => {
    expect(requirements.filter(({ level }) => !LEVELS.includes(level))).toEqual([]);
  });
});

/** The tests below a node of the syntax tree, in the order of the file. */
function titledTests(node: ESTree.Node, around: TitledTest): readonly TitledTest[] {
  const here = titledTest(node, around);
  const below = Object.values(node)
    .flat()
    .filter(isNode)
    .flatMap((child) => titledTests(child, here ?? around));
  return here === undefined ? below : [here, ...below];
}

/** The test that the node itself is: a call with title and options, or a row with `title` and `ids`. */
function titledTest(node: ESTree.Node, around: TitledTest): TitledTest | undefined {
  if (node.type === 'ObjectExpression') {
    const title = text(member(node, 'title'));
    return title === undefined ? undefined : { ...around, title, ids: strings(member(node, 'ids')) };
  }
  if (node.type !== 'CallExpression' || !/^(it|describe)$/.test(calledName(node.callee))) return undefined;
  const [name, options] = node.arguments;
  const title = text(name);
  if (title === undefined) return undefined;
  return {
    file: around.file,
    title: [around.title, title].filter((part) => part !== '' && part !== '…').join(' › '),
    ids: [...around.ids, ...strings(member(options, 'tags'))],
  };
}

/** `it` of `it.each(table)`. */
function calledName(callee: ESTree.Node): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'CallExpression') return calledName(callee.callee);
  return callee.type === 'MemberExpression' ? calledName(callee.object) : '';
}

function member(node: ESTree.Node | undefined, name: string): ESTree.Node | undefined {
  if (node?.type !== 'ObjectExpression') return undefined;
  for (const property of node.properties) {
    if (property.type === 'Property' && property.key.type === 'Identifier' && property.key.name === name) {
      return property.value;
    }
  }
  return undefined;
}

function text(node: ESTree.Node | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') {
    return node.value.replaceAll(/%[a-z#]|\$[\w.]+/g, '…');
  }
  return node?.type === 'TemplateLiteral'
    ? node.quasis.map(({ value }) => value.cooked).join('…')
    : undefined;
}

function strings(node: ESTree.Node | undefined): readonly string[] {
  if (node?.type !== 'ArrayExpression') return [];
  return node.elements.flatMap((element) =>
    element?.type === 'Literal' && typeof element.value === 'string' ? [element.value] : [],
  );
}

function isNode(value: unknown): value is ESTree.Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}
