// Issuers that say which workload is calling.

import type { StandardClaims } from '../auth.js';
import { BASE_URL, checkParameter, type PresetOverrides } from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';
import { admitWorkloads, type Workloads } from './workloads.js';

const SERVICE_ACCOUNT = /^(?:\d+|[^@\s]+@[\w.-]+\.gserviceaccount\.com)$/;
const REPOSITORY = /^[\w.-]+\/(?:[\w.-]+|\*)$/;
const KUBERNETES_ACCOUNT = /^[a-z0-9-]+\/[a-z0-9.-]+$/;

/**
 * Google-signed ID tokens of service accounts: how workloads on Google Cloud call an API. Tokens of people
 * are refused. With a list, the client is in `azp`, the account's unique id.
 *
 * @param serviceAccounts the accounts that may call, by unique id or email address (then tokens need
 *   `"email"`). In an object, an entry by id comes before one by address
 * @throws {TypeError} none is named, or one is neither
 */
export function google(serviceAccounts: Workloads, overrides: PresetOverrides = {}): TrustedIssuer {
  const issuer = { issuer: 'https://accounts.google.com', clientIdClaim: 'azp' };
  const names = {
    preset: 'google',
    what: 'ids or addresses of service accounts',
    pattern: SERVICE_ACCOUNT,
    toKey: (account: string) => account,
    keysIn: ({ sub, email, email_verified: isVerified }: StandardClaims) => [
      sub,
      isVerified === true && email,
    ],
  };
  return admitWorkloads(issuer, serviceAccounts, names, overrides);
}

/**
 * Tokens of GitHub Actions. With a list, the client is the repository, `acme/app`. To check branch,
 * environment or workflow, use `requireClaims`: `"ref"`, `"environment"`, `"job_workflow_ref"`.
 *
 * @param repositories whose workflows may call: `acme/app`, or `acme/*` for all of an owner. In an object, a
 *   repository's own entry comes before its owner's
 * @throws {TypeError} none is named, or one has another form
 * @example
 * ```ts
 * import { createResourceServer, githubActions } from 'oauth-resource-server';
 *
 * createResourceServer({
 *   issuer: githubActions({
 *     'acme/deploy': { clientId: 'deployer', scopes: ['write:releases'] },
 *     'acme/*': { clientId: 'builds', scopes: ['read:releases'] },
 *   }),
 *   audience: 'https://releases.example.com',
 * });
 * ```
 */
export function githubActions(repositories: Workloads, overrides: PresetOverrides = {}): TrustedIssuer {
  const issuer = { issuer: 'https://token.actions.githubusercontent.com', clientIdClaim: 'repository' };
  const names = {
    preset: 'githubActions',
    what: 'repositories such as acme/app or acme/*',
    pattern: REPOSITORY,
    toKey: (repository: string) => repository.toLowerCase(),
    keysIn({ repository }: StandardClaims) {
      if (typeof repository !== 'string') return [];
      const name = repository.toLowerCase();
      return [name, `${name.split('/', 1)}/*`];
    },
  };
  return admitWorkloads(issuer, repositories, names, overrides);
}

/**
 * Projected tokens of Kubernetes service accounts. With a list, the client is `"sub"`:
 * `system:serviceaccount:<namespace>:<name>`.
 *
 * If the cluster publishes its keys only to its own workloads, get them with `fetch`, or with a function in
 * `jwks`.
 *
 * @param issuer the cluster's issuer, as its tokens spell it
 * @param serviceAccounts which accounts may call: `<namespace>/<name>`
 * @throws {TypeError} `issuer` isn't a URL, or no account is named, or one has another form
 */
export function kubernetes(
  issuer: string,
  serviceAccounts: Workloads,
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(issuer, BASE_URL, 'kubernetes takes the URL of an issuer');
  const names = {
    preset: 'kubernetes',
    what: 'accounts such as shop/orders',
    pattern: KUBERNETES_ACCOUNT,
    toKey: (account: string) => `system:serviceaccount:${account.replace('/', ':')}`,
    keysIn: ({ sub }: StandardClaims) => [sub],
  };
  return admitWorkloads({ issuer, clientIdClaim: 'sub' }, serviceAccounts, names, overrides);
}
