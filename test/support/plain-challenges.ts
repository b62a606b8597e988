import { PROOF_ALGORITHMS } from '../../src/testing/contract/expect-answer.js';

/** The challenges of an API with default options to who sent no credentials, in their order. */
export function plainChallenges(scope?: string): readonly [bearer: string, dpop: string] {
  const wanted = scope === undefined ? '' : `, scope="${scope}"`;
  return [`Bearer realm="api"${wanted}`, `DPoP realm="api"${wanted}, algs="${PROOF_ALGORITHMS}"`];
}
