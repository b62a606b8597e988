/** The parameter `algs` of every challenge of DPoP, with default options. */
export const PROOF_ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519';

/** The challenges of an API with default options to who sent no credentials, in their order. */
export function plainChallenges(scope?: string): readonly [bearer: string, dpop: string] {
  const wanted = scope === undefined ? '' : `, scope="${scope}"`;
  return [`Bearer realm="api"${wanted}`, `DPoP realm="api"${wanted}, algs="${PROOF_ALGORITHMS}"`];
}
