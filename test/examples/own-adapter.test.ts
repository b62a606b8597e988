import { readFile } from 'node:fs/promises';
import { adapterContract, proveAdapter } from 'oauth-resource-server/testing';
import { describe, expect, it } from 'vitest';
import { resourceServer } from '../../examples/own-adapter/adapter.js';
import { startInventory } from '../../examples/own-adapter/inventory.js';

describe('the adapter of docs/adapters.md', () => {
  it('is on the page as it is', async () => {
    const page = await readFile(new URL('../../docs/adapters.md', import.meta.url), 'utf8');
    const code = await readFile(new URL('../../examples/own-adapter/adapter.ts', import.meta.url), 'utf8');
    expect(page).toContain(code);
  });

  it('passes every row of the contract', async () => {
    const { tests, close } = await adapterContract(startInventory);
    await close();
    expect(tests.length).toBeGreaterThan(500);
    expect(await proveAdapter(startInventory)).toEqual({ passed: tests.length, leftOut: [] });
  });

  it('would be found out if it ran handlers without a look at the request', async () => {
    const open: typeof startInventory = async (options, settings) => {
      const { url, handled, close } = await startInventory({ ...options, optional: true }, settings);
      return { url, handled, close };
    };
    await expect(proveAdapter(open)).rejects.toThrow(
      /^Of \d+ rows, \d+ failed:\n(?:.*\n)* {2}answers a request without credentials with a challenge that has no error: /,
    );
  });

  it('refuses wrong options at once', () => {
    expect(() => resourceServer({} as never)).toThrow(TypeError);
  });
});
