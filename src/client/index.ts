// Since TypeScript 6, programs have no types of Node unless they ask for them. Ours would then be `any`.
/// <reference types="node" preserve="true" />
export type { AssertionSigner } from '../issuer/assertion-signer.js';
export type { CertificateFiles, CertificatePem } from '../issuer/client-certificate.js';
export type { PrivateKey } from '../issuer/private-key.js';
export type { CertificateOption } from '../options/certificate.js';
export type { AssertionSource, ClientAuthenticationOptions } from '../options/credential.js';
export type { Algorithm as AssertionAlgorithm, AuthenticationMethod, Scheme } from '../terms.js';
export type { ApiAnswer, ApiClient, GetTokenOptions, HeadersRequest } from './api-client.js';
export type { ClientCredentials } from './client-credentials.js';
export { createClientCredentials } from './client-credentials.js';
export type { ClientDpopOptions, DpopKeyPair } from './dpop.js';
export type { TokenRequestReason } from './errors.js';
export { isTokenRequestError, TokenRequestError, tokenRequestReasons } from './errors.js';
export type { ClientMessage } from './events.js';
export { clientChannel } from './events.js';
export type { GrantedToken } from './granted-token.js';
export { createJwtBearer, type JwtBearerOptions } from './jwt-bearer.js';
export type { ClientCredentialsOptions, ClientOptions } from './options.js';
export { toResourceServerError } from './resource-server-error.js';
export type {
  ExchangeTarget,
  SubjectToken,
  TokenExchange,
  TokenExchangeOptions,
  TokenType,
} from './token-exchange.js';
export { createTokenExchange } from './token-exchange.js';
export type { TokenHeaders } from './token-presenter.js';
