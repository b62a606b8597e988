import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer, requirementOfScopes } from '../../src/index.js';
import type { DevIssuer } from '../../tools/dev-issuer/index.js';
import { getJson, inventory, start } from './support.js';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium of the system. */
const executablePath = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((path) => existsSync(path));
if (executablePath === undefined)
  console.log('no Chromium here: the page of the development issuer is not tried');

let browser: Browser;

describe.runIf(executablePath !== undefined)(
  'the page of the development issuer',
  { timeout: 60_000 },
  () => {
    beforeAll(async () => {
      browser = await chromium.launch({ ...(executablePath && { executablePath }), args: FLAGS });
    }, 60_000);

    afterAll(() => browser?.close());

    it('makes a token for what is ticked, and shows what is in it', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await page.getByLabel('write:orders').uncheck();
      await page.getByRole('button', { name: 'Make the token' }).click();

      await page.getByRole('heading', { name: 'What is in it' }).waitFor();
      expect(JSON.parse(await text(page, '#token-header'))).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
      expect(JSON.parse(await text(page, '#token-claims'))).toMatchObject({
        iss: issuer,
        aud: inventory,
        client_id: 'order-service',
        scope: 'read:inventory',
      });
      const server = createResourceServer({ issuer, audience: inventory });
      await server.verify(await text(page, '#token-text'));
      server.close();
    });

    it('tries the token against an API, and tells the verdict', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await make(page);
      await page.getByLabel('URL of your API').fill(`${await startApi(issuer)}/stock/42`);
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Accepted: status 200.');
      expect(await text(page, '#answer')).toContain('{"caller":"order-service"}');

      await page.getByLabel('read:inventory').uncheck();
      await make(page);
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Refused: status 403.');
      expect(await text(page, '#answer')).toContain('error="insufficient_scope"');
    });

    it('tries a forged token, and tells whether it is refused as it should be', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await page.getByLabel('Token', { exact: true }).selectOption('exp in the past');
      expect(await text(page, '#kind-hint')).toContain('status 401');
      await make(page);
      await page.getByLabel('URL of your API').fill(`${await startApi(issuer)}/stock/42`);
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Refused with status 401, as it should be.');

      await page.getByLabel('URL of your API').fill(`${issuer.issuer}/jwks`); // asks for no token
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Let through with status 200, and should be refused with 401.');
    });

    it('says that an API is out of reach, and that it does not go to other machines', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await make(page);
      await page.getByLabel('URL of your API').fill('http://127.0.0.1:1/');
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('The API cannot be reached: ECONNREFUSED.');

      await page.getByLabel('URL of your API').fill('http://example.com/');
      await page.getByRole('button', { name: 'Send the request' }).click();
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toContain('url is not an http or https URL of localhost');
    });

    it('shows the curl line for what it sends, as one shell command', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await make(page);
      await page.getByLabel('URL of your API').fill("http://127.0.0.1:3000/it's");
      await page.getByLabel('Method').selectOption('DELETE');
      const token = await text(page, '#token-text');
      expect(await text(page, '#curl')).toBe(
        `curl --include --request DELETE --header 'Authorization: Bearer ${token}' 'http://127.0.0.1:3000/it'\\''s'`,
      );
    });

    it('copies, or selects if the clipboard is closed', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await make(page);
      const button = page.locator('[data-copy=token-text]');
      await button.click();
      await expect.poll(() => button.textContent()).toMatch(/^(Copied|Selected)$/);
    });

    it('rotates the keys', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await page.getByRole('button', { name: 'New key, keep the old ones published' }).click();
      await expect.poll(() => page.locator('#keys li').count()).toBe(2);
      await page.getByRole('button', { name: 'New key, withdraw the old ones' }).click();
      await expect.poll(() => page.locator('#keys li').count()).toBe(1);
      const { keys } = await getJson(issuer.jwksUri);
      expect(await text(page, '#keys')).toContain(keys[0].kid);
    });

    it('shows the scopes, audiences and settings of the chosen client', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await page.getByLabel('Client').selectOption('inventory-service');
      expect(await text(page, '#scopes')).toBe('This client has no scopes.');
      expect(await text(page, '#paste')).toContain("clientSecret: 'api-secret'");
      await make(page);
      expect(JSON.parse(await text(page, '#token-claims'))).not.toHaveProperty('scope');
    });

    it('treats text from a configuration as text', async () => {
      const hostile = '<img src=x onerror=document.title="hit">';
      const { issuer } = await start({
        audience: hostile,
        clients: [{ clientId: hostile, claims: { name: hostile } }],
      });
      const page = await open(issuer);
      await make(page);
      expect(await text(page, '#token-claims')).toContain('<img src=x');
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.title()).toBe('Development issuer');
    });

    it('is worked by keyboard alone', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      const names: string[] = [];
      for (let step = 0; step < 6; step += 1) {
        await page.keyboard.press('Tab');
        names.push(
          await page.evaluate(
            'document.activeElement.id || document.activeElement.value || document.activeElement.textContent',
          ),
        );
      }
      expect(names).toEqual([
        'client',
        'audience',
        'read:inventory',
        'write:orders',
        'kind',
        'Make the token',
      ]);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'What is in it' }).waitFor();
    });

    it('has a name for every field and every button, and one for each section', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await make(page);
      const unnamed = await page.evaluate(`[...document.querySelectorAll('input, select, button')]
      .filter((field) => (field.labels?.[0] ?? field).textContent.trim() === '').map((field) => field.id)`);
      expect(unnamed).toEqual([]);
      expect(
        await page.evaluate(`[...document.querySelectorAll('section')]
      .filter((section) => document.getElementById(section.getAttribute('aria-labelledby')) === null).length`),
      ).toBe(0);
    });

    it('is readable in both themes, on small screens too', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await make(page);
      await page.getByLabel('URL of your API').fill(`${await startApi(issuer)}/stock/42`);
      await page.getByRole('button', { name: 'Send the request' }).click();
      await verdict(page);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([colorScheme, await page.evaluate(CONTRASTS)]).toEqual([colorScheme, []]);
        for (const width of [1280, 640, 320]) {
          await page.setViewportSize({ width, height: 900 });
          expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
            width,
            width,
          ]);
        }
      }
    });

    it('says so when the development issuer has ended', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer, { mayFail: true });
      await issuer.close();
      await page.getByRole('button', { name: 'Make the token' }).click();
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toBe('The development issuer does not answer. Does it still run?');
    });
  },
);

/**
 * Texts whose contrast with their ground is below 4.5 (WCAG 2.2 §1.4.3), as a script for the page. A text
 * without ground of its own stands on that of the element around it.
 */
const CONTRASTS = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const groundOf = (element) => {
    const color = channels(getComputedStyle(element).backgroundColor);
    return color[3] === 0 && element.parentElement ? groundOf(element.parentElement) : color;
  };
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((element) => {
      const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(groundOf(element))].sort((a, b) => b - a);
      return { text: element.textContent.slice(0, 30), contrast: (one + 0.05) / (other + 0.05) };
    })
    .filter(({ contrast }) => contrast < 4.5);
})()`;

/**
 * Opens the page, until the test ends. Whatever its console complains of fails the test, violations of the
 * policy among them.
 */
async function open(issuer: string, { mayFail = false } = {}): Promise<Page> {
  const context = await browser.newContext();
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // A refusal that a test provokes on purpose shows as a failed load.
    if (message.type() === 'error' && !/status of 400/.test(message.text())) complaints.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    if (!mayFail) expect(complaints).toEqual([]);
  });
  await page.goto(`${issuer}/`);
  await page.locator('#kind option').nth(1).waitFor({ state: 'attached' }); // the script has filled the form
  return page;
}

async function make(page: Page): Promise<void> {
  const made = page.waitForResponse((response) => response.url().endsWith('/dev/token'));
  await page.getByRole('button', { name: 'Make the token' }).click();
  await made;
  await page.getByRole('heading', { name: 'Try it' }).waitFor();
}

async function verdict(page: Page): Promise<string> {
  await page.locator('.verdict').waitFor();
  return text(page, '#verdict');
}

async function text(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? '';
}

/** An API that this package protects, until the test ends. */
async function startApi({ issuer }: DevIssuer): Promise<string> {
  const resourceServer = createResourceServer({ issuer, audience: inventory });
  const server: Server = createServer(async (request, response) => {
    let decision = await resourceServer.authenticate(request);
    if (decision.kind === 'allowed')
      decision = resourceServer.authorize(decision.auth, requirementOfScopes(['read:inventory']));
    if (decision.kind === 'allowed') {
      response.end(JSON.stringify({ caller: decision.auth?.clientId }));
    } else {
      const { status, headers, body } = decision.answer;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.writeHead(status).end(body);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    resourceServer.close();
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server that listens has one
}
