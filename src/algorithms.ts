import type { Algorithm } from './options/options.js';

/** Every signature algorithm that this package verifies. Asymmetric ones only. */
export const ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
