export type { ForgeryAnswer } from './assert-refuses.js';
export { assertRefusesForgeries } from './assert-refuses.js';
export type { AssertionIssuerOptions } from './authorization-server/assertion-issuers.js';
export type { TlsClientAuthOptions } from './authorization-server/client-certificates.js';
export type {
  ClientOptions as TokenClientOptions,
  GrantType,
  Workload,
} from './authorization-server/clients.js';
export type {
  ClientCertificate,
  ClientCertificateOptions,
  ServerCertificate,
  ServerCertificateOptions,
} from './certificate.js';
export { createClientCertificate, createServerCertificate } from './certificate.js';
export type {
  AdapterContract,
  ContractOptions,
  ContractReport,
  ContractServer,
  ContractSettings,
  ContractTest,
  LeftOutRow,
  StartContractServer,
} from './contract/adapter-contract.js';
export { adapterContract, proveAdapter } from './contract/adapter-contract.js';
export type { Configuration as ContractConfiguration } from './contract/configurations.js';
export type { BoundProofRequest, DpopKey, DpopKeyOptions, ProofRequest } from './dpop-key.js';
export { createDpopKey } from './dpop-key.js';
export type { FakeAuthOptions } from './fake-auth.js';
export { fakeAuth } from './fake-auth.js';
export type { Forgery, ForgeryReason } from './forgeries/forgery.js';
export type { IssuerPath } from './issuer-server.js';
export type { IssuerSwitches } from './issuer-switches.js';
export type {
  ListeningIssuer,
  ListeningMtls,
  ListenMtlsOptions,
  ListenOptions,
  TestClientOptions,
} from './listening-issuer.js';
export type { NextResponseOptions } from './next-response.js';
export { nodeHeaders } from './node-headers.js';
export type { OpaqueTokenIssuer } from './opaque-tokens.js';
export type { TestIssuer, TestIssuerOptions } from './test-issuer.js';
export { createTestIssuer } from './test-issuer.js';
export type { TokenClaims } from './token-claims.js';
export type { TokenHeader, TokenIssuer } from './token-issuer.js';
export type { AskedIssuer, TrustOptions } from './trust-options.js';
