import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { readPages, root } from './markdown.js';

it('has every page of docs/ in the sidebar of the site, once', async () => {
  const sections: { pages: string[] }[] = JSON.parse(await readFile(`${root}site/sections.json`, 'utf8'));
  const paths = (await readPages()).flatMap(
    ({ path }) => /^docs\/(?!decisions\/)(.+)\.md$/.exec(path)?.[1] ?? [],
  );
  expect(sections.flatMap(({ pages }) => pages).toSorted()).toEqual(
    paths.filter((path) => path !== 'README').toSorted(),
  );
});
