export type { FakeAuthOptions } from './fake-auth.js';
export { fakeAuth } from './fake-auth.js';
export type { Forgery, ForgeryReason } from './forgeries/forgery.js';
export type { IssuerPath } from './issuer-documents.js';
export type { IssuerSwitches, ListeningIssuer, TestIssuer, TrustOptions } from './test-issuer.js';
export { createTestIssuer } from './test-issuer.js';
export type { TestIssuerOptions } from './test-issuer-options.js';
export type { TokenClaims, TokenHeader, TokenIssuer } from './token-issuer.js';
