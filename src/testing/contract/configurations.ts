import type { Auth, IntrospectionFunctionOptions, ResourceServerOptions } from '../../index.js';
import type { TestIssuer } from '../test-issuer.js';

/** The options that rows of the contract run with; each is one server per framework. */
export type Configuration =
  | 'default'
  | 'optional'
  | 'every method'
  | 'strict type'
  | 'named realm'
  | 'out of reach'
  | 'without CORS'
  | 'trusting proxies'
  | 'below a base URL'
  | 'only DPoP'
  | 'no DPoP'
  | 'nonces'
  | 'introspection'
  | 'introspection of every token'
  | 'introspection out of reach'
  | 'introspection in confusion'
  | 'issuers at run time'
  | 'scopes of several claims'
  | 'implied scopes'
  | 'published'
  | 'published, to read'
  | 'published, to order'
  | 'published, to read or administer'
  | 'published, optional'
  | 'published, only DPoP'
  | 'mtls'
  | 'behind a proxy'
  | 'behind another proxy'
  | 'behind Envoy'
  | 'revocable'
  | 'slowly revocable';

/** Where the APIs below a base URL are. */
export const BASE_URL = 'https://api.example.com/inventory/';
/** The identifier of the APIs that publish metadata. */
const RESOURCE = 'https://inventory.example.com/v2';
/** Where these are (RFC 9728 §3.1). */
export const METADATA = 'https://inventory.example.com/.well-known/oauth-protected-resource/v2';
const LOOPBACK = ['127.0.0.1', '::1'];

/**
 * The options of a configuration. Nothing else is imported here, so that a server in another process can make
 * them too.
 */
export function contractOptions(
  configuration: Configuration,
  { options, introspectionOptions }: Pick<TestIssuer, 'options' | 'introspectionOptions'>,
): ResourceServerOptions {
  const { issuer } = options;
  const introspecting = (members: Partial<IntrospectionFunctionOptions>): ResourceServerOptions => {
    const { issuer: asked } = introspectionOptions;
    const introspection = { ...asked.introspection, ...members };
    return { ...introspectionOptions, issuer: { ...asked, introspection } };
  };
  switch (configuration) {
    case 'default':
    case 'without CORS': // the framework is told about these two
    case 'trusting proxies':
      return options;
    case 'optional':
      return { ...options, optional: true };
    case 'every method':
      return { ...options, bearerMethods: ['header', 'body', 'query'] };
    case 'strict type':
      return { ...options, tokenType: 'at+jwt' };
    case 'named realm':
      return { ...options, realm: 'the "inventory" \\ API' };
    case 'out of reach':
      return { ...options, issuer: { issuer: issuer.issuer, jwks: () => Promise.reject(new Error('down')) } };
    case 'below a base URL':
      return { ...options, baseUrl: BASE_URL };
    case 'only DPoP':
      return { ...options, dpop: 'required' };
    case 'no DPoP':
      return { ...options, dpop: 'off' };
    case 'nonces':
      return { ...options, dpop: { nonce: { secret: 'a secret of at least 32 characters' } } };
    case 'introspection':
      return introspecting({ claims: ['tenant'] });
    case 'introspection of every token':
      return introspecting({ tokens: ['opaque', 'jwt'] });
    case 'introspection out of reach':
      return introspecting({ endpoint: () => Promise.reject(new Error('down')) });
    case 'introspection in confusion':
      return introspecting({ endpoint: () => ({ active: 'true' }) });
    case 'issuers at run time':
      return {
        ...options,
        issuer: async (iss) => {
          if (iss === 'urn:unknown') throw new Error('out of reach');
          return iss === issuer.issuer ? issuer : undefined;
        },
      };
    case 'scopes of several claims':
      return { ...options, issuer: { ...issuer, scopeClaim: ['scp', 'roles'] } };
    case 'implied scopes': {
      const implied = { root: ['admin'], admin: ['write:orders'], 'write:orders': ['read:inventory'] };
      return { ...options, impliedScopes: implied };
    }
    case 'published':
      return { ...options, resource: RESOURCE };
    // Named if the framework doesn't know the route yet; the same as the route requires, so that the rows are
    // the same.
    case 'published, to read':
      return { ...options, resource: { resource: RESOURCE, scopes: ['read:inventory', 'offline_access'] } };
    case 'published, to order':
      return { ...options, resource: { resource: RESOURCE, scopes: ['read:inventory', 'write:orders'] } };
    case 'published, to read or administer':
      return { ...options, resource: { resource: RESOURCE, scopes: ['read:inventory', 'admin'] } };
    case 'published, optional':
      return { ...options, resource: { resource: RESOURCE }, optional: true };
    case 'published, only DPoP':
      return { ...options, resource: RESOURCE, dpop: 'required' };
    case 'mtls':
      return { ...options, mtls: true };
    case 'behind a proxy':
      return { ...options, mtls: { header: 'client-cert', trustedProxies: LOOPBACK } };
    case 'behind another proxy':
      return { ...options, mtls: { header: 'client-cert', trustedProxies: '192.0.2.0/24' } };
    case 'behind Envoy':
      return {
        ...options,
        mtls: { header: 'envoy', headerName: 'X-Client', trustedProxies: '127.0.0.0/8' },
      };
    case 'revocable':
      return { ...options, isRevoked };
    case 'slowly revocable':
      return { ...options, isRevoked: async (auth) => isRevoked(auth), revocationTimeoutSeconds: 30 };
  }
}

/** What the application knows: `revoked`, and nothing while the token says that it is `unknown`. */
function isRevoked({ claims }: Auth): boolean {
  if (claims.jti === 'unknown') throw new Error('out of reach');
  return claims.jti === 'revoked';
}
