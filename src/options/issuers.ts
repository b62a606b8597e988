import { reportWarning } from '../diagnostics.js';
import type { IssuerSettings } from '../issuer/issuer.js';
import type { IssuerResolution } from '../issuer/trusted-issuers.js';
import { badOption, callable, optionError } from '../lib/check.js';
import { checkIssuer, type IssuerDefaults, type TrustedIssuer } from './trusted-issuer.js';

/**
 * Says whether an issuer is trusted that isn't configured by name, such as the one of a tenant: gets the
 * `"iss"` of a token whose signature nobody has verified yet, and returns how to verify it, with that very
 * `issuer`, or undefined.
 *
 * It's called for well-formed tokens in date, once per issuer at a time. Answers are used for
 * `keys.maxAgeSeconds`, refusals for `keys.cooldownSeconds`. If it throws, takes longer than
 * `keys.timeoutSeconds` or returns something wrong, the token is answered with 503, unless the issuer was
 * trusted before: then it stays so for up to `keys.staleIfErrorSeconds`.
 *
 * Security: anybody can send any name. Compare it with what you know; never build a URL from it.
 */
export type IssuerResolver = (iss: string) => TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>;

/** The option `issuer` as plain data. */
interface Issuers {
  /** By their identifiers. */
  readonly issuers: ReadonlyMap<string, IssuerSettings>;
  /** Undefined without a function. */
  readonly issuerResolution: IssuerResolution | undefined;
}

/**
 * Checks the option `issuer`.
 *
 * @throws {OptionError} naming the option that is wrong
 */
export function checkIssuers(given: unknown, defaults: IssuerDefaults): Issuers {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw optionError('issuer', 'an issuer, or a list of at least one', given);
  const issuers = new Map<string, IssuerSettings>();
  let issuerResolution: IssuerResolution | undefined;
  for (const [index, entry] of list.entries()) {
    const path = Array.isArray(given) ? `issuer[${index}]` : 'issuer';
    if (typeof entry === 'function') {
      if (issuerResolution !== undefined) throw badOption(path, 'is a second function; one is asked');
      issuerResolution = checkResolver(callable(entry, path), path, defaults);
      continue;
    }
    const settings = checkIssuer(entry, path, defaults);
    const { issuer } = settings.rules;
    if (issuers.has(issuer)) throw badOption(path, `names an issuer that is in the list already`);
    issuers.set(issuer, settings);
  }
  // An opaque token doesn't say who issued it: each of several would get to see the tokens of the others.
  const asked = [...issuers.values()].filter(({ introspection }) => introspection?.tokens.has('opaque'));
  if (asked.length > 1)
    throw badOption(
      'issuer',
      'has several issuers that are to be asked about opaque tokens; ' +
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
        "takes ['jwt']: an opaque token names no issuer that could be looked up",
      );
    if (settings.rules.issuer === iss) return settings;
    // Not an outage: a client can write the name of an issuer in many ways.
    reportWarning({ source: 'issuer', detail: 'another issuer than the one that was asked about' });
    return undefined;
  };
  return { resolve, policy: defaults.keys };
}
