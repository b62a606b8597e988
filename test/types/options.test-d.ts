import {
  createResourceServer,
  type IntrospectionOptions,
  keycloak,
  type ResourceServerOptions,
} from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';

const issuer = 'https://auth.example.com';
const audience = 'https://inventory.example.com';

// Issuer and audience are required, and enough.
createResourceServer({ issuer, audience });
// @ts-expect-error the audience is missing
createResourceServer({ issuer });
// @ts-expect-error the issuer is missing
createResourceServer({ audience });
// @ts-expect-error both are missing
createResourceServer({});
// @ts-expect-error there are no options at all
createResourceServer();

// Issuers come in every combination, and lists may be read-only.
createResourceServer({ issuer: [issuer, { issuer, jwksUri: `${issuer}/keys` }], audience: [audience] });
createResourceServer({ issuer: keycloak('https://sso.example.com', 'shop'), audience } as const);
createResourceServer({ issuer: [issuer], audience: [audience], algorithms: ['ES256'] } as const);

// Unknown names and values are refused.
// @ts-expect-error another library's name
createResourceServer({ issuer, audience, issuerBaseURL: issuer });
// @ts-expect-error the unit is in the name: clockToleranceSeconds
createResourceServer({ issuer, audience, clockTolerance: 5 });
// @ts-expect-error another library's name, inside an issuer
createResourceServer({ issuer: { issuer, jwks_uri: `${issuer}/keys` }, audience });
// @ts-expect-error an unknown member of keys
createResourceServer({ issuer, audience, keys: { maxAge: 600 } });
// @ts-expect-error symmetric algorithms are not accepted
createResourceServer({ issuer, audience, algorithms: ['HS256'] });
createResourceServer({ issuer, audience, dpop: 'required', baseUrl: audience });
createResourceServer({
  issuer,
  audience,
  dpop: { algorithms: ['ES256'], nonce: { secret: 'x'.repeat(32) } },
} as const);
// @ts-expect-error neither allowed, required nor off
createResourceServer({ issuer, audience, dpop: true });
// @ts-expect-error without a secret anybody knows the nonces
createResourceServer({ issuer, audience, dpop: { nonce: {} } });
// @ts-expect-error a store has to find out and to remember in one step
createResourceServer({ issuer, audience, dpop: { replayStore: new Set<string>() } });
// @ts-expect-error an algorithm that nobody may accept
createResourceServer({ issuer, audience, algorithms: ['none'] });
// @ts-expect-error not a way to send a token
createResourceServer({ issuer, audience, bearerMethods: ['cookie'] });
// @ts-expect-error durations are numbers of seconds
createResourceServer({ issuer, audience, clockToleranceSeconds: '5s' });
// @ts-expect-error optional is a boolean
createResourceServer({ issuer, audience, optional: 'yes' });
// @ts-expect-error what is not set is left out
createResourceServer({ issuer, audience, realm: undefined });

// A certificate of a header field needs a form and proxies.
createResourceServer({ issuer, audience, mtls: true });
createResourceServer({
  issuer,
  audience,
  mtls: { header: 'nginx', trustedProxies: ['10.0.0.0/8'] },
} as const);
// @ts-expect-error trusted by nobody
createResourceServer({ issuer, audience, mtls: { header: 'nginx' } });
// @ts-expect-error no form that is known
createResourceServer({ issuer, audience, mtls: { header: 'X-SSL-Cert', trustedProxies: '10.0.0.1' } });
createResourceServer({ issuer, audience, isRevoked: (auth) => auth.claims.jti === undefined });
createResourceServer({ issuer, audience, isRevoked: async () => false });
// @ts-expect-error neither a boolean nor a promise of one
createResourceServer({ issuer, audience, isRevoked: () => undefined });

// What is published is an identifier, or an object that says more.
createResourceServer({ issuer, audience, resource: audience });
createResourceServer({ issuer, audience, resource: { resource: audience, scopes: ['read'] } } as const);
createResourceServer({
  issuer,
  audience,
  resource: { resource: audience, signedMetadata: async (metadata) => metadata.resource },
});
// @ts-expect-error the identifier is missing
createResourceServer({ issuer, audience, resource: { name: 'Inventory' } });
// @ts-expect-error the name of a member as it is published
createResourceServer({ issuer, audience, resource: { resource: audience, scopes_supported: ['read'] } });

// Who is asked about tokens is either an endpoint, where the API has to say who it is, or a function.
const asking = (introspection: IntrospectionOptions) => ({ issuer: { issuer, introspection }, audience });
createResourceServer(asking({ clientId: 'api', clientSecret: 's' }));
createResourceServer(asking({ endpoint: async () => ({ active: false }), tokens: ['opaque', 'jwt'] }));
// @ts-expect-error nobody knows this client
createResourceServer(asking({ clientSecret: 's' }));
// @ts-expect-error no such kind of tokens
createResourceServer(asking({ endpoint: () => ({}), tokens: ['all'] }));

// Options are not changed by whoever holds them.
declare const options: ResourceServerOptions;
// @ts-expect-error read-only
options.audience = 'https://other.example.com';

// The options of a test issuer fit as they are, and with others beside.
const testIssuer = await createTestIssuer({ audience });
createResourceServer(testIssuer.options);
createResourceServer({ ...testIssuer.options, optional: true });
createResourceServer((await testIssuer.listen()).options);
createResourceServer({ issuer: [testIssuer.options.issuer, issuer], audience });
// @ts-expect-error a test issuer takes no options of a resource server
await createTestIssuer({ audience, realm: 'stock' });
