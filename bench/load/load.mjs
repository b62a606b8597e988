import * as autocannon from './autocannon.mjs';
import * as wrk from './wrk.mjs';

// autocannon needs more CPU for a request than an unprotected Express route, and then measures itself.
const generator = wrk.isInstalled() ? wrk : autocannon;

/** Which program sends the requests. */
export const GENERATOR = generator === wrk ? 'wrk' : 'autocannon';

/**
 * Sends requests over 64 keep-alive connections and counts the answers: the given tokens in turn for `seconds`, or, with `once`, each of them one time.
 *
 * @param {{ url: string, tokens?: string[], seconds?: number, once?: boolean }} load without tokens: requests without credentials
 * @returns {Promise<{ count: number, failed: number, perSecond: number }>} `failed`: no answer, or one that is not 200
 */
export const sendLoad = generator.sendLoad;
