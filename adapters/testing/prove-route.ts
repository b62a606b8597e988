import type { Requirement } from '../../src/index.js';
import { withoutImplied } from '../../src/requirement/implied-scopes.js';
import type { ProvenRoute } from './lock-file.js';
import { findKey, mentionedScopes, scopeClaim } from './opening-token.js';
import { isRefusal, probeMount } from './probe-mount.js';
import { describeReach } from './probes.js';
import { claimVariants, tryForgeries, tryOtherClaims, tryOtherMethods, tryOtherScopes } from './refusals.js';
import { type Bench, routeUrl, sender } from './requests.js';
import { trySpellings } from './spellings.js';
import { routeNames, sampleAdvice, type TargetRoute } from './target.js';

/** The findings about a route, and everything that's wrong with it. */
export interface Proof {
  readonly found: TargetRoute;
  readonly route: ProvenRoute;
  readonly findings: readonly string[];
}

/**
 * Finds out who may call a route by calling it: without a token, with genuine tokens of growing scopes, with
 * one scope less, and with forgeries.
 *
 * @param isListed whether the application is meant to let in requests without a token
 * @returns undefined if it turns out not to be a route
 */
export async function proveRoute(
  found: TargetRoute,
  isListed: boolean,
  bench: Bench,
): Promise<Proof | undefined> {
  const { method, path } = found;
  const findings: string[] = [];
  const conclude = (access: ProvenRoute['access'], requirements: readonly Requirement[] = []): Proof => ({
    found,
    route: { method, path, access, requirements },
    findings,
  });
  const sample = routeNames(found).flatMap((one) => bench.samples[one] ?? [])[0] ?? {};
  const issuer = sample.issuer ?? bench.issuer;
  const url = routeUrl(found, sample, bench.fill);
  if (url === undefined) {
    findings.push(`is a pattern: say where it leads to, ${sampleAdvice(found, 'url: "/…"')}`);
    return conclude('other');
  }

  const isMount = method === 'USE';
  const entrance = isMount ? await probeMount(found, url, sample, bench) : undefined;
  const send = entrance?.send ?? sender(found, url, sample, bench);
  const anonymous = entrance?.anonymous ?? (await send({}));
  const isOpen = !isRefusal(anonymous);
  if (!isOpen && !isListed) findings.push(...(await trySpellings(found, sample, bench)));
  // Middleware that passes requests on, or refuses them, doesn't say who may call what.
  if (isMount && entrance === undefined) return findings.length > 0 ? conclude('other') : undefined;
  if (isOpen && anonymous.status >= 500 && !isMount)
    findings.push(`answers a request without a token with ${anonymous.status} instead of refusing it`);
  else if (isOpen && !isListed) {
    const isUnknown = anonymous.status === 404;
    const advice = isUnknown ? `, or say where it is, ${sampleAdvice(found, 'url')}` : '';
    findings.push(
      `lets requests without a token in (${describeReach(anonymous)}). ` +
        `Protect it, or list it as public${advice}`,
    );
  } else if (!isOpen && isListed)
    findings.push(`is listed as public, but refuses requests without a token (${anonymous.status})`);
  const isOptional = anonymous.examinations.some(({ server }) => server.admitsAnonymous);
  if (isOpen && !isOptional) return conclude('public');
  if (!isOpen && !anonymous.isRefused) return conclude('other');

  const key = await findKey(found, send, { ...bench.claims, ...sample.claims }, issuer, bench.now);
  const access = isOpen ? 'optional' : 'token';
  if (key.refusal !== undefined) findings.push(key.refusal);
  else {
    findings.push(...(await tryOtherScopes(send, key, issuer)));
    if (!isOpen) findings.push(...(await tryOtherMethods(send, found, key, issuer)));
    const given = Object.keys({ ...bench.claims, ...sample.claims });
    findings.push(...(await tryOtherClaims(send, key, claimVariants(key, given, sample), issuer)));
    const forgeries = await bench.forgeries(issuer, {
      ...key.claims,
      ...scopeClaim(withoutImplied(mentionedScopes(key.requirements), key.implied)),
    });
    const expected = forgeries.filter(({ reason }) => !isOpen || reason !== 'missing_credentials');
    findings.push(...(await tryForgeries(send, key, expected)));
  }
  return conclude(access, key.requirements);
}
