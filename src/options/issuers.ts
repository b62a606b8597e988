import { reportWarning } from '../diagnostics.js';
import type { IssuerSettings } from '../issuer/issuer.js';
import type { IssuerResolution } from '../issuer/trusted-issuers.js';
import { badOption, callable, optionError } from '../lib/check.js';
import { checkIssuer, type IssuerDefaults, type TrustedIssuer } from './trusted-issuer.js';

/**
 * Says whether to trust an issuer that you didn't configure by name, such as a tenant's. It gets the `"iss"`
 * of a token whose signature isn't verified yet. It returns how to verify the token, with that same `issuer`,
 * or undefined.
 *
 * It's called for well-formed tokens in date, once per issuer at a time. Its answers are used for
 * `keys.maxAgeSeconds`, refusals for `keys.cooldownSeconds`. If it throws, takes longer than
 * `keys.timeoutSeconds` or returns something wrong, the token is answered with 503, except if the issuer was
 * trusted before: then it stays trusted for up to `keys.staleIfErrorSeconds`.
 *
 * Security: anyone can send any name. Compare it with names you know; never build a URL from it.
 */
export type IssuerResolver = (iss: string) => TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>;

/** The option `issuer` as plain data. */
interface Issuers {
  /** By issuer identifier. */
  readonly issuers: ReadonlyMap<string, IssuerSettings>;
  /** Undefined without a function. */
  readonly issuerResolution: IssuerResolution | undefined;
}

/**
 * Checks the option `issuer`.
 *
 * @throws {OptionError} names the option that is wrong
 */
export function checkIssuers(given: unknown, defaults: IssuerDefaults): Issuers {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw optionError('issuer', 'an issuer, or a list of at least one', given);
  const issuers = new Map<string, IssuerSettings>();
  let issuerResolution: IssuerResolution | undefined;
  for (const [index, entry] of list.entries()) {
    const path = Array.isArray(given) ? `issuer[${index}]` : 'issuer';
    if (typeof entry === 'function') {
      if (issuerResolution !== undefined) throw badOption(path, 'is a second function; only one is allowed');
      issuerResolution = checkResolver(callable(entry, path), path, defaults);
      continue;
    }
    const settings = checkIssuer(entry, path, defaults);
    const { issuer } = settings.rules;
    if (issuers.has(issuer)) throw badOption(path, `names an issuer that is in the list already`);
    issuers.set(issuer, settings);
  }
  // An opaque token doesn't say who issued it, so with several issuers, each would see the tokens of the
  // others.
  const asked = [...issuers.values()].filter(({ introspection }) => introspection?.tokens.has('opaque'));
  if (asked.length > 1)
    throw badOption(
      'issuer',
      'has several issuers that introspect opaque tokens; ' +
        "all but one need introspection.tokens: ['jwt']",
    );
  return { issuers, issuerResolution };
}

function checkResolver(
  resolver: (iss: string) => unknown,
  path: string,
  defaults: IssuerDefaults,
): IssuerResolution {
  const resolve = async (iss: string): Promise<IssuerSettings | undefined> => {
    const answer = await resolver(iss);
    if (answer === undefined || answer === null) return undefined;
    const settings = checkIssuer(answer, path, defaults);
    if (settings.introspection?.tokens.has('opaque'))
      throw badOption(
        `${path}.introspection.tokens`,
        "takes ['jwt']: an opaque token does not say who issued it",
      );
    if (settings.rules.issuer === iss) return settings;
    // Not an outage: clients can spell an issuer's name in many ways.
    reportWarning({ source: 'issuer', detail: 'another issuer than the one that was asked about' });
    return undefined;
  };
  return { resolve, policy: defaults.keys };
}
