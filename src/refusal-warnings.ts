import { type DecisionMessage, isLogged } from './diagnostics.js';
import type { ResourceServerError } from './errors.js';
import { readEnvironment } from './lib/environment.js';
import { describeError } from './lib/errors.js';
import { isWithin, type Span, spanFrom } from './lib/pause.js';

/** What a resource server trusts. Warnings name it. */
export interface Trust {
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  /** Where the metadata of the only issuer is, if an option says so. */
  readonly metadataUrl: string | undefined;
}

/** What can be pasted into any shell. */
const PLAIN = /^[\w./:@-]+$/;
const SILENCE_SECONDS = 60;
const MAX_NAMES = 5;

/**
 * Warns the developer about what is nearly always a wrong option: an issuer that can't be reached, or tokens
 * from another issuer or for another API. At most one process warning a minute for outages and one for
 * mismatches. None in production, or if refusals are logged anyway.
 *
 * Security: names what's in the options, and nothing from the token.
 */
export class RefusalWarnings {
  readonly #trust: Trust;
  readonly #clock: () => number;
  readonly #silent: { outage?: Span; mismatch?: Span } = {};

  constructor(trust: Trust, clock: () => number) {
    this.#trust = trust;
    this.#clock = clock;
  }

  /** @param build builds the report of the same refusal */
  consider(error: ResourceServerError, build: () => DecisionMessage): void {
    const { status, reason } = error;
    const isMismatch = reason === 'iss_mismatch' || reason === 'aud_mismatch';
    if ((status < 500 && !isMismatch) || readEnvironment('NODE_ENV') === 'production' || isLogged()) return;
    const topic = isMismatch ? 'mismatch' : 'outage';
    const now = this.#clock();
    if (isWithin(this.#silent[topic], now)) return;
    this.#silent[topic] = spanFrom(now, SILENCE_SECONDS);
    const { method, route, hint } = build();
    const request = [method, route].filter((part) => part !== undefined).join(' ') || 'an access token';
    const lines = [
      `refused ${request} with ${status} ${reason}: ${this.#explain(error)}`,
      hint && `Hint: ${hint}.`,
      'Others are not shown for a minute; NODE_DEBUG=oauth-resource-server shows each of them.',
    ];
    process.emitWarning(lines.filter(Boolean).join(' '), {
      type: 'ResourceServerWarning',
      code: 'OAUTH_RESOURCE_SERVER',
    });
  }

  #explain({ reason, message, cause }: ResourceServerError): string {
    const { issuers, audiences, metadataUrl } = this.#trust;
    if (reason === 'iss_mismatch')
      return `the "iss" of the access token is not in the option "issuer" (${quote(issuers)}).`;
    if (reason === 'aud_mismatch')
      return `the "aud" of the access token has nothing from the option "audience" (${quote(audiences)}).`;
    const detail = cause === undefined ? '' : ` (${describeError(cause)})`;
    const named = issuers.length === 1 ? issuers[0] : 'ISSUER';
    const where = PLAIN.test(metadataUrl ?? '') ? ` --metadata-url=${metadataUrl}` : '';
    const advice = ` To find out why, run: npx oauth-resource-server check ${named}${where}.`;
    return `${message}${detail}.${OF_ISSUERS.test(reason) ? advice : ''}`;
  }
}

/** Reasons of an outage that `check` can find the cause of at the issuer. */
const OF_ISSUERS = /^(?:metadata|issuer_mismatch|jwks|introspection)/;

function quote(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => JSON.stringify(name));
  return [...shown, ...(names.length > MAX_NAMES ? ['…'] : [])].join(', ') || 'a function';
}
