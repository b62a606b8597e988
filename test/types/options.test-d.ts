import { createResourceServer, keycloak, type ResourceServerOptions } from '../../src/index.js';
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
