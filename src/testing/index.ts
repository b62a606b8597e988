export type { ClientCertificate, ClientCertificateOptions } from './client-certificate.js';
export { createClientCertificate } from './client-certificate.js';
export type { DpopKey, DpopKeyOptions, ProofRequest } from './dpop-key.js';
export { createDpopKey } from './dpop-key.js';
export type { FakeAuthOptions } from './fake-auth.js';
export { fakeAuth } from './fake-auth.js';
export type { Forgery, ForgeryReason } from './forgeries/forgery.js';
export type { IssuerPath } from './issuer-documents.js';
export type { OpaqueTokenIssuer } from './opaque-tokens.js';
export type {
  AskedIssuer,
  IssuerSwitches,
  ListeningIssuer,
  TestIssuer,
  TrustOptions,
} from './test-issuer.js';
export { createTestIssuer } from './test-issuer.js';
export type { TestIssuerOptions } from './test-issuer-options.js';
export type { TokenClaims, TokenHeader, TokenIssuer } from './token-issuer.js';
