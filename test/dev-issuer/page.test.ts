import { existsSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createResourceServer, type Reason, requirementOfScopes } from '../../src/index.js';
import type { DevIssuer } from '../../tools/dev-issuer/index.js';
import { billing, getJson, inventory, listen, start } from './support.js';

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
/**
 * One for all tests: each has an issuer, so an origin, of its own, and another renderer takes longer than
 * most tests.
 */
let tab: Page;

describe.runIf(executablePath !== undefined)(
  'the page of the development issuer',
  { timeout: 60_000 },
  () => {
    beforeAll(async () => {
      browser = await chromium.launch({ ...(executablePath && { executablePath }), args: FLAGS });
      tab = await browser.newPage();
    }, 60_000);

    afterAll(() => browser?.close());

    it('makes a token for what is ticked, and shows what is in it', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await page.getByLabel('write:orders').uncheck();
      await make(page);
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
      expect(await text(page, '#kind-hint')).toBe(
        'The API must refuse it with status 401: the access token expired.',
      );
      await make(page);
      await page.getByLabel('URL of your API').fill(`${await startApi(issuer)}/stock/42`);
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Refused with status 401, as it should be.');

      await page.getByLabel('URL of your API').fill(`${issuer.issuer}/jwks`); // asks for no token
      await page.getByRole('button', { name: 'Send the request' }).click();
      expect(await verdict(page)).toBe('Let through with status 200, and should be refused with 401.');
    });

    it('never sends a token that the form does not show', async () => {
      const issuer = await start();
      const sent: string[] = [];
      const api = await listen(({ headers }, response) => {
        sent.push(headers.authorization ?? '');
        response.end();
      });
      const page = await open(issuer.issuer);
      await page.getByLabel('URL of your API').fill(api);
      const sendIt = async () => {
        await page.getByRole('button', { name: 'Send the request' }).click();
        await verdict(page);
        const token = sent.pop() ?? '';
        expect(token).toBe(`Bearer ${await text(page, '#token-text')}`);
        return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      };
      await make(page);
      const genuine = await sendIt();
      expect(genuine.exp).toBeGreaterThan(Date.now() / 1000);

      await page.getByLabel('Token', { exact: true }).selectOption('exp in the past');
      expect(await page.locator('#token').isVisible()).toBe(false);
      expect(await page.locator('#verdict').textContent()).toBe('');
      expect((await sendIt()).exp).toBeLessThan(Date.now() / 1000);
      expect(await verdict(page)).toBe('Let through with status 200, and should be refused with 401.');

      await page.getByLabel('Token', { exact: true }).selectOption('genuine');
      await page.getByLabel('read:inventory').uncheck();
      await page.getByLabel('Audience').selectOption(billing);
      expect(await sendIt()).toMatchObject({ scope: 'write:orders', aud: billing });
      await page.getByLabel('Client').selectOption('inventory-service');
      expect(await sendIt()).toMatchObject({ client_id: 'inventory-service' });
    });

    it('shows no verdict about what the form does not show any more', async () => {
      const issuer = await start();
      const waiting: ServerResponse[] = [];
      const api = await listen((_request, response) => waiting.push(response));
      const page = await open(issuer.issuer);
      await page.getByLabel('URL of your API').fill(api);
      await page.getByRole('button', { name: 'Send the request' }).click();
      await expect.poll(() => waiting.length).toBe(1);
      const answered = page.waitForResponse((response) => response.url().endsWith('/dev/try'));
      await page.getByLabel('Token', { exact: true }).selectOption('exp in the past');
      waiting[0]?.end();
      await (await answered).finished();
      await page.locator('#try [aria-disabled]').waitFor({ state: 'detached' });
      expect(await text(page, '#verdict')).toBe('');
      expect(await page.locator('#answer').isVisible()).toBe(false);
    });

    it('says dates in words', async () => {
      const { issuer } = await start({}, { clock: () => Date.now() });
      const page = await open(issuer);
      const dates = async (kind: string) => {
        await page.getByLabel('Token', { exact: true }).selectOption(kind);
        await make(page);
        return text(page, '#token-dates');
      };
      const year = new Date().getFullYear();
      expect(await dates('genuine')).toMatch(
        new RegExp(`^Issued\\d+ \\w+ ${year} at [\\d:]{8} \\(.+\\)Expires\\d+ .+ \\(in 1 hour\\)$`),
      );
      expect(await dates('exp in the past')).toMatch(/Expired\d.+ \(10 minutes ago\)$/);
      expect(await dates('exp as a string')).toContain('Expiresnot a date');
      expect(await dates('nbf in the future')).toMatch(/Valid from\d.+ \(in .+\)/);
    });

    it('groups the forgeries by what is wrong with them', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      const groups = page.locator('#kind optgroup');
      expect(await groups.count()).toBeGreaterThan(15);
      const expired = page.locator('#kind optgroup[label="Forged: the access token expired"] option');
      expect(await expired.allTextContents()).toEqual(['exp in the past', 'exp zero', 'exp negative']);
    });

    it('sends all forgeries to a route, and tells the verdicts in a table', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await page.getByLabel('write:orders').uncheck(); // the route asks for the other one
      await page.getByLabel('URL of your API').fill(`${await startApi(issuer)}/stock/42`);
      const { forgeries } = await getJson(`${issuer.issuer}/dev/settings`);
      const all = forgeries.length;
      expect(await sendAll(page)).toBe(`${all} of ${all} forgeries were refused as they should be.`);
      expect(await text(page, '#try-status')).toBe(await text(page, '#verdicts-summary'));
      expect(await page.getByRole('columnheader').allTextContents()).toEqual([
        'Forgery',
        'Expected',
        'Answered',
        'Verdict',
      ]);
      const rows = await verdictRows(page);
      expect(rows[0]).toEqual(['a genuine token', '2xx', '200', '✓ Accepted']);
      expect(rows).toContainEqual(['exp in the past', '401', '401', '✓ Refused']);
      expect(rows).toContainEqual(['scope missing', '403', '403', '✓ Refused']);
      expect(rows).toContainEqual(['Bearer without a token', '400', '400', '✓ Refused']);
      expect(rows).toHaveLength(all + 1);
      expect(await page.getByRole('rowheader', { name: 'The access token expired 3' }).count()).toBe(1);
      expect(await page.locator('.through').count()).toBe(0);
    });

    it('makes a forgery that gets through glare', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      await page.getByLabel('write:orders').uncheck();
      await page.getByLabel('URL of your API').fill(await startApi(issuer, { letThrough: ['expired'] }));
      expect(await sendAll(page)).toMatch(/, 3 got through/);
      const through = page.locator('.through');
      expect(await through.getByRole('rowheader').first().textContent()).toBe('Got through 3');
      expect((await verdictRows(page)).slice(1, 4)).toEqual(
        ['exp in the past', 'exp zero', 'exp negative'].map((name) => [name, '401', '200', '✗ Got through']),
      );
      expect(
        await page.evaluate(`getComputedStyle(document.querySelector('.through td')).backgroundColor`),
      ).toBe('rgb(179, 18, 29)');
      await through.getByRole('button', { name: 'Choose it: exp zero' }).click();
      expect(await page.getByLabel('Token', { exact: true }).inputValue()).toBe('exp zero');
      expect(await page.locator('#verdicts').isVisible()).toBe(false);
    });

    it.each([
      ['refuses everything', 401, /genuine token was refused, too \(401\)/],
      ['has nothing there', 404, /nothing at this path/],
      ['wants a body', 422, /genuine token got status 422/],
      ['asks for no scope', undefined, /^Only forgeries of the scope got through/],
    ])('says what the verdicts are worth if a route %s', async (_name, status, doubt) => {
      const issuer = await start();
      const page = await open(issuer.issuer);
      const api =
        status === undefined
          ? startApi(issuer, { scopes: [] })
          : listen((_request, response) => response.writeHead(status).end());
      await page.getByLabel('URL of your API').fill(await api);
      await sendAll(page);
      expect(await text(page, '#verdicts-doubt')).toMatch(doubt);
    });

    it('sends no forgeries to an API that is out of reach', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await page.getByLabel('URL of your API').fill('http://127.0.0.1:1/');
      await page.getByRole('button', { name: 'Send all forgeries to this route' }).click();
      const alert = page.locator('#try .actions').getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toBe('The API cannot be reached: ECONNREFUSED.');
      expect(await page.locator('#verdicts').isVisible()).toBe(false);
    });

    it('remembers the route for the next visit', async () => {
      const { issuer } = await start();
      const page = await open(issuer);
      await page.getByLabel('URL of your API').fill('http://127.0.0.1:8080/stock');
      await page.getByLabel('Method').selectOption('PUT');
      await page.reload();
      await page.locator('#kind option').nth(1).waitFor({ state: 'attached' });
      expect(await page.getByLabel('URL of your API').inputValue()).toBe('http://127.0.0.1:8080/stock');
      expect(await page.getByLabel('Method').inputValue()).toBe('PUT');
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
      // Beside its button, and nowhere else.
      const alert = page.locator('#try .actions').getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toContain('url is not an http or https URL of localhost');
      expect(await page.getByRole('alert').count()).toBe(1);
      await page.getByLabel('URL of your API').fill('http://127.0.0.1:1/');
      await alert.waitFor({ state: 'hidden' });
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
      await page.locator('#token').waitFor();
      for (const id of ['token-text', 'method', 'url', 'Send the request', 'send-all']) {
        await page.keyboard.press('Tab');
        const focused =
          'document.activeElement.dataset.copy || document.activeElement.id || document.activeElement.textContent';
        expect(await page.evaluate(focused)).toBe(id);
      }
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
      await page.getByLabel('URL of your API').fill(await startApi(issuer, { letThrough: ['expired'] }));
      await page.getByRole('button', { name: 'Send the request' }).click();
      await verdict(page);
      expect(await sendAll(page)).toContain('got through');
      await page.getByRole('button', { name: 'New key, keep the old ones published' }).click();
      await page.getByText('A new key signs').waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([colorScheme, await page.evaluate(CONTRASTS)]).toEqual([colorScheme, []]);
        for (const width of [1440, 1024, 640, 390, 320]) {
          await page.setViewportSize({ width, height: 900 });
          expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
            width,
            width,
          ]);
          expect([width, await page.evaluate(CUT_OFF)]).toEqual([width, []]);
        }
      }
    });

    it('says so when the development issuer has ended', async () => {
      const issuer = await start();
      const page = await open(issuer.issuer, { mayFail: true });
      await issuer.close();
      await page.getByRole('button', { name: 'Make the token' }).click();
      const alert = page.locator('#make .actions').getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toBe('The development issuer does not answer. Does it still run?');
      await page.getByRole('button', { name: 'New key, withdraw the old ones' }).click();
      await page.locator('#keys-error').waitFor();
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

/** Elements that stand out of their card, or whose content does out of them, as a script for the page. */
const CUT_OFF = `[...document.querySelectorAll('.card *')]
  .filter((element) => element.checkVisibility())
  .filter((element) => innerWidth > 320 || element.closest('#verdicts-scroll') === null) // a table may scroll there
  .filter((element) => {
    const { left, right } = element.getBoundingClientRect();
    const card = element.closest('.card').getBoundingClientRect();
    const isField = element.matches('select, option, optgroup, input');
    return left < card.left || right > card.right || (!isField && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0);
  })
  .map(({ id, tagName, textContent }) => tagName + ' ' + id + ' ' + textContent.slice(0, 40))`;

/**
 * Opens the page, until the test ends. Whatever its console complains of fails the test, violations of the
 * policy among them.
 */
async function open(issuer: string, { mayFail = false } = {}): Promise<Page> {
  const complaints: string[] = [];
  tab.on('pageerror', ({ message }) => complaints.push(message));
  tab.on('console', (message) => {
    // A refusal that a test provokes on purpose shows as a failed load.
    if (message.type() === 'error' && !/status of 400/.test(message.text())) complaints.push(message.text());
  });
  onTestFinished(async () => {
    tab.removeAllListeners();
    await tab.goto('about:blank');
    await tab.emulateMedia({ colorScheme: null });
    await tab.setViewportSize({ width: 1280, height: 720 });
    if (!mayFail) expect(complaints).toEqual([]);
  });
  await tab.goto(`${issuer}/`);
  await tab.locator('#kind option').nth(1).waitFor({ state: 'attached' }); // the script has filled the form
  return tab;
}

async function make(page: Page): Promise<void> {
  const made = page.waitForResponse((response) => response.url().endsWith('/dev/token'));
  await page.getByRole('button', { name: 'Make the token' }).click();
  await made;
  await page.locator('#token').waitFor();
}

async function verdict(page: Page): Promise<string> {
  await page.locator('#verdict .verdict').waitFor();
  return text(page, '#verdict');
}

async function text(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? '';
}

/** Sends all forgeries, and returns the summary. */
async function sendAll(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Send all forgeries to this route' }).click();
  await page.locator('#verdicts').waitFor();
  return text(page, '#verdicts-summary');
}

/** Name, expected, answered and verdict, from top to bottom. */
async function verdictRows(page: Page): Promise<string[][]> {
  return page.evaluate(`[...document.querySelectorAll('#verdicts tbody tr:not(.group)')]
    .map(({ cells }) => [...cells].map((cell, index) => (index === 0 ? cell.firstChild : cell).textContent))`);
}

/**
 * An API that this package protects, until the test ends.
 *
 * @param letThrough reasons for which it should refuse and doesn't
 */
async function startApi(
  { issuer }: DevIssuer,
  {
    letThrough = [],
    scopes = ['read:inventory'],
  }: { letThrough?: readonly Reason[]; scopes?: string[] } = {},
): Promise<string> {
  const resourceServer = createResourceServer({ issuer, audience: inventory });
  onTestFinished(() => resourceServer.close());
  return listen(async (request, response) => {
    let decision = await resourceServer.authenticate(request);
    if (decision.kind === 'allowed' && scopes.length > 0)
      decision = resourceServer.authorize(decision.auth, requirementOfScopes(scopes));
    if (decision.kind === 'allowed') {
      response.end(JSON.stringify({ caller: decision.auth?.clientId }));
    } else if (letThrough.includes(decision.error.reason)) {
      response.end();
    } else {
      const { status, headers, body } = decision.answer;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.writeHead(status).end(body);
    }
  });
}
