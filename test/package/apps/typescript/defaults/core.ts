import { createResourceServer } from 'oauth-resource-server';

const server = createResourceServer({ issuer: 'https://auth.example.com', audience: 'inventory' });
// @ts-expect-error nothing that could be a request
server.authenticate(42);
