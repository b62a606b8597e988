import type { Auth } from './auth.js';
import { type DecisionMessage, reportDecision, reportRefusal } from './diagnostics.js';
import type { ResourceServerError } from './errors.js';
import type { Settings } from './options/options.js';
import { RefusalWarnings } from './refusal-warnings.js';
import type { RequestView } from './request/view.js';
import { type RequestLike, viewRequest } from './request/view-request.js';

/** What a decision is about, as far as it's known. */
export interface Asker {
  readonly auth?: Auth | undefined;
  readonly request?: RequestLike | undefined;
}

/** Reports what a resource server decides, to subscribers and, during development, as warnings. */
export class DecisionReports {
  /** Undefined if warnings are off. */
  readonly #warnings: RefusalWarnings | undefined;

  constructor({ refusalWarnings, issuers, runtime }: Settings) {
    if (refusalWarnings !== 'development') return;
    const audiences = [...issuers.values()].flatMap(({ rules }) => [...rules.audience]);
    const metadataUrl = issuers.size === 1 ? [...issuers.values()][0]?.metadataUrl : undefined;
    const trust = { issuers: [...issuers.keys()], audiences: [...new Set(audiences)], metadataUrl };
    this.#warnings = new RefusalWarnings(trust, runtime.clock);
  }

  allowed(asker: Asker, isKnownToken: boolean): void {
    reportDecision(() => message(asker, { outcome: 'allowed', isKnownToken }));
  }

  anonymous(request: RequestView): void {
    reportDecision(() => message({ request }, { outcome: 'anonymous' }));
  }

  denied(error: ResourceServerError, asker: Asker): void {
    const { status, reason, hint } = error;
    const build = () => message(asker, { outcome: 'denied', status, reason, hint });
    reportRefusal(build);
    this.#warnings?.consider(error, build);
  }
}

function message(
  { auth, request }: Asker,
  decided: Pick<DecisionMessage, 'outcome'> & Partial<DecisionMessage>,
): DecisionMessage {
  const { method, route } = request === undefined ? NO_REQUEST : viewRequest(request);
  return {
    outcome: decided.outcome,
    method,
    route,
    status: decided.status,
    reason: decided.reason,
    hint: decided.hint,
    issuer: auth?.issuer,
    clientId: auth?.clientId,
    isKnownToken: decided.isKnownToken,
  };
}

const NO_REQUEST: Partial<Pick<RequestView, 'method' | 'route'>> = {};
