import { createPublicKey, X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { ClientMetadata, Configuration } from 'oidc-provider';
import { vi } from 'vitest';
import type { ClientCertificate } from '../../../src/testing/index.js';
import { startTlsServer } from '../../support/tls-server.js';
import { INVENTORY, LIFETIME_SECONDS, registered } from './authorization-server.js';

/** oidc-provider over https, whose clients are known by their certificates. */
export interface MtlsAuthorizationServer {
  readonly issuer: string;
  /** Public keys of its tokens. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** `POST /token aliased`, for each request by its place. */
  readonly requests: string[];
  close(): void;
}

/**
 * Starts it. Its metadata name an alias for clients with certificates, the only place that asks for one.
 *
 * @param trusted certificates that count as signed by a known authority
 */
export async function startMtlsAuthorizationServer(
  clients: readonly ClientMetadata[],
  trusted: readonly ClientCertificate[] = [],
): Promise<MtlsAuthorizationServer> {
  const requests: string[] = [];
  let handle: RequestListener = () => undefined;
  const record =
    (place: string): RequestListener =>
    (request, response) => {
      requests.push(`${request.method} ${request.url} ${place}`);
      handle(request, response);
    };
  const plain = await startTlsServer(record('plain'), { requestCert: false });
  const aliased = await startTlsServer(record('aliased'), { ca: trusted });
  const [issuer, alias] = [plain.origin, aliased.origin];
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined); // of Node 20, where it works
  const { Provider } = await import('oidc-provider');
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'tokens' };
  const resourceServer = { audience: INVENTORY, scope: 'read:inventory', accessTokenTTL: LIFETIME_SECONDS };
  const configuration: Configuration = {
    jwks: { keys: [jwk] },
    clients: [...clients],
    clientAuthMethods: [
      'client_secret_basic',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
    ],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
    discovery: {
      mtls_endpoint_aliases: {
        token_endpoint: `${alias}/token`,
        introspection_endpoint: `${alias}/token/introspection`,
      },
    },
    scopes: ['read:inventory'],
    ttl: { ClientCredentials: LIFETIME_SECONDS },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: ({ req }) => {
          const { raw } = (req.socket as TLSSocket).getPeerCertificate(); // an https server has no other sockets
          return raw === undefined ? undefined : new X509Certificate(raw);
        },
        certificateAuthorized: ({ req }) => (req.socket as TLSSocket).authorized,
        certificateSubjectMatches: ({ req }, _property, expected) =>
          `CN=${(req.socket as TLSSocket).getPeerCertificate().subject.CN}` === expected,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, indicator) => ({
          ...resourceServer,
          accessTokenFormat: indicator === INVENTORY ? 'jwt' : 'opaque',
        }),
      },
    },
  };
  handle = new Provider(issuer, configuration).callback();
  warn.mockRestore();
  const { kty, n, e, alg, use, kid } = jwk as JWK;
  const publicKey = { kty, n, e, alg, use, kid } as JWK; // RSA keys have all of them
  const close = (): void => {
    plain.close();
    aliased.close();
  };
  return { issuer, jwks: { keys: [publicKey] }, requests, close };
}

/** A client whose certificates are registered one by one (RFC 8705 §2.2). */
export function selfSigned(
  clientId: string,
  certificates: readonly ClientCertificate[],
  isBound = true,
): ClientMetadata {
  const keys = certificates.map(({ certificate }) => ({
    ...createPublicKey(certificate).export({ format: 'jwk' }),
    x5c: [certificate.replace(/-----[A-Z ]+-----|\s/g, '')],
  }));
  return registered(clientId, {
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    jwks: { keys },
    tls_client_certificate_bound_access_tokens: isBound,
  });
}

/**
 * A client that is known by the name in a certificate of an authority (RFC 8705 §2.1). Its tokens are bound.
 */
export function byName(clientId: string, commonName: string): ClientMetadata {
  return registered(clientId, {
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_subject_dn: `CN=${commonName}`,
    tls_client_certificate_bound_access_tokens: true,
  });
}
