// Issuers that say which workload is calling. Their tokens name neither scope nor client of OAuth, and a
// workload may ask for any audience: so those that are let in are listed.

import { andAlso, BASE_URL, checkList, checkParameter, type PresetOverrides } from './preset.js';
import type { TrustedIssuer } from './trusted-issuer.js';

const SERVICE_ACCOUNT = /^(?:\d+|[^@\s]+@[\w.-]+\.gserviceaccount\.com)$/;
const REPOSITORY = /^[\w.-]+\/(?:[\w.-]+|\*)$/;
const KUBERNETES_ACCOUNT = /^[a-z0-9-]+\/[a-z0-9.-]+$/;

/**
 * Google-signed ID tokens of service accounts, which is how workloads of Google Cloud call an API. Those of
 * people are refused. The client is in `azp`, the account's unique id.
 *
 * @param serviceAccounts the accounts that may call, by unique id or email address (then tokens need
 *   `"email"`)
 * @throws {TypeError} the list is empty, or an element is neither
 */
export function google(serviceAccounts: readonly string[], overrides: PresetOverrides = {}): TrustedIssuer {
  checkList(serviceAccounts, SERVICE_ACCOUNT, 'google takes a list of ids or addresses of service accounts');
  const known = new Set<unknown>(serviceAccounts);
  return {
    issuer: 'https://accounts.google.com',
    clientIdClaim: 'azp',
    ...overrides,
    isAccessToken: andAlso(
      (_header, { sub, email, email_verified: isVerified }) =>
        known.has(sub) || (isVerified === true && known.has(email)),
      overrides,
    ),
  };
}

/**
 * Tokens of GitHub Actions. The client is the repository, `acme/app`. Compare branch, environment or workflow
 * with `requireClaims`: `"ref"`, `"environment"`, `"job_workflow_ref"`.
 *
 * @param repositories whose workflows may call: `acme/app`, or `acme/*` for all of an owner
 * @throws {TypeError} the list is empty, or an element isn't like that
 */
export function githubActions(
  repositories: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkList(
    repositories,
    REPOSITORY,
    'githubActions takes a list of repositories such as acme/app or acme/*',
  );
  const known = new Set(repositories.map((name) => name.toLowerCase()));
  return {
    issuer: 'https://token.actions.githubusercontent.com',
    clientIdClaim: 'repository',
    ...overrides,
    isAccessToken: andAlso((_header, { repository }) => {
      if (typeof repository !== 'string') return false;
      const name = repository.toLowerCase();
      return known.has(name) || known.has(`${name.split('/', 1)}/*`);
    }, overrides),
  };
}

/**
 * Projected tokens of Kubernetes service accounts. The client is `"sub"`:
 * `system:serviceaccount:<namespace>:<name>`.
 *
 * A cluster may publish its keys to its own workloads only: then bring them by `fetch`, or by a function in
 * `jwks`.
 *
 * @param issuer the cluster's, as its tokens write it
 * @param serviceAccounts which accounts may call: `<namespace>/<name>`
 * @throws {TypeError} `issuer` is no URL, the list is empty, or an element isn't like that
 */
export function kubernetes(
  issuer: string,
  serviceAccounts: readonly string[],
  overrides: PresetOverrides = {},
): TrustedIssuer {
  checkParameter(issuer, BASE_URL, 'kubernetes takes the URL of an issuer');
  checkList(serviceAccounts, KUBERNETES_ACCOUNT, 'kubernetes takes a list of accounts such as shop/orders');
  const subjects = new Set<unknown>(
    serviceAccounts.map((account) => `system:serviceaccount:${account.replace('/', ':')}`),
  );
  return {
    issuer,
    clientIdClaim: 'sub',
    ...overrides,
    isAccessToken: andAlso((_header, { sub }) => subjects.has(sub), overrides),
  };
}
