import { expect, it } from 'vitest';
import * as entry from '../../src/index.js';
import { readPage } from './markdown.js';

const A = 'https://inventory.example.com';
const { text } = await readPage('docs/recipes.md');
const rows = text
  .split('\n')
  .filter((line) => /^\| .* \| (?:run|documentation) \|$/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

it('has a row for every authorization server that was run, and for the others', () => {
  expect(rows.every((cells) => cells.length === 6)).toBe(true);
  const servers = rows.map(([server = '']) => server).join(', ');
  for (const name of [
    ...[
      'oidc-provider',
      'glewlwyd',
      'LemonLDAP',
      'better-auth',
      'Authlib',
      'Django',
      'Doorkeeper',
      '@jmondi',
    ],
    ...['@node-oauth', 'oauth2-mock-server', 'Keycloak', 'Auth0', 'Okta', 'Entra ID', 'Cognito', 'Google'],
    ...[
      'AD FS',
      'ZITADEL',
      'authentik',
      'Clerk',
      'Ory',
      'PingOne',
      'PingFederate',
      'XSUAA',
      'GitHub Actions',
    ],
    'Kubernetes',
  ])
    expect(servers).toContain(name);
});

it.each(rows.map(([server = '', tokens = '', issuer = '']) => [server, tokens, issuer] as const))(
  'has options that a resource server takes: %s, %s',
  (_server, _tokens, issuer) => {
    const code = /^`(.+)`$/.exec(issuer)?.[1] ?? '';
    const names = Object.keys(entry);
    // The page's own expression, with the exports of the package in scope.
    const read = new Function(...names, `return (${code});`);
    const given: entry.ResourceServerOptions['issuer'] = read(...Object.values(entry));
    const server = entry.createResourceServer({ issuer: given, audience: A });
    server.close();
  },
);

it('has a row for every preset', async () => {
  const options = await readPage('docs/options.md');
  const presets = [...options.text.matchAll(/^\| `(\w+)\([^)]*overrides\?\)`/gm)].map(([, name]) => name);
  expect(presets.length).toBeGreaterThan(10);
  expect(presets.filter((name) => !text.includes(`\`${name}(`))).toEqual([]);
});
