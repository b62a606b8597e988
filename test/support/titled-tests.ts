import { readdirSync, readFileSync } from 'node:fs';
import { type ESTree, parseSync } from 'vite';

/** A test, a block of tests, or a row of the contract. */
export interface TitledTest {
  /** Relative to `test/`, or to `src/testing/`: `contract/dpop-rows.ts`. */
  readonly file: string;
  /**
   * With the titles of the blocks around it, and `…` for what is filled in: `a key › is skipped when it is
   * …`.
   */
  readonly title: string;
  readonly ids: readonly string[];
}

/** All tests of this repository, with the rows of the contract. */
export const titledTests: readonly TitledTest[] = [
  ...testsIn('', new URL('../', import.meta.url)),
  ...testsIn('contract/', new URL('../../src/testing/contract/', import.meta.url)),
];

function testsIn(prefix: string, folder: URL): readonly TitledTest[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /(\.test|contract|-rows)\.ts$/.test(path) && !/node_modules|apps\//.test(path))
    .flatMap((path) => {
      const file = `${prefix}${path}`;
      const { program } = parseSync(path, readFileSync(new URL(path, folder), 'utf8'));
      return testsBelow(program, { file, title: '', ids: [] });
    });
}

/** The tests below a node of the syntax tree, in the order of the file. */
function testsBelow(node: ESTree.Node, around: TitledTest): readonly TitledTest[] {
  const here = titledTest(node, around);
  const below = Object.values(node)
    .flat()
    .filter(isNode)
    .flatMap((child) => testsBelow(child, here ?? around));
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
