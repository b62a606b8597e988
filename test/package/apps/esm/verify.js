// Verifies a token of an issuer over HTTP, closes nothing, and writes for how many milliseconds the process lives on.
import { createResourceServer } from 'oauth-resource-server';

const server = createResourceServer({
  issuer: process.env.ISSUER,
  audience: 'https://inventory.example.com',
});
await server.verify(process.env.TOKEN);
const verified = performance.now();
process.on('exit', () => console.log(performance.now() - verified));
