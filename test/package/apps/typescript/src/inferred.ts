import { keycloak } from 'oauth-resource-server';
import { createClientCredentials } from 'oauth-resource-server/client';

// Types that nobody wrote: the compiler must be able to name what they're made of in the declarations.
export const issuer = { ...keycloak('https://sso.example.com', 'shop'), audienceMayBeClient: true };

const client = createClientCredentials({
  issuer: 'https://sso.example.com/realms/shop',
  clientId: 'shop',
  clientSecret: 'secret',
});
export const token = async () => ({ ...(await client.getToken()) });
