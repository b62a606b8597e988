import { ServerCredentials } from '@grpc/grpc-js';
import { createInventoryServer } from './server.js';

const { ISSUER = 'http://127.0.0.1:4400', AUDIENCE = 'https://inventory.example.com' } = process.env;

const server = createInventoryServer({ issuer: ISSUER, audience: AUDIENCE });
// On loopback without TLS, to try it out: anybody on the way could read the tokens.
server.bindAsync('127.0.0.1:50051', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});

process.once('SIGTERM', () => server.forceShutdown());
