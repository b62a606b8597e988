import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer } from '../../src/index.js';
import { createTestIssuer } from '../../src/testing/index.js';
import { harnesses } from '../http/harnesses/index.js';

/** A program that has every framework, and Node alone, refuse the same request. */
const issuer = await createTestIssuer();
const { issuer: trusted, audience } = issuer.options;
const options = { issuer: trusted, audience };
const headers = await issuer.authorization({ aud: 'https://canary.example.com', sub: 'canary' });
const target = '/stock/canary?q=canary';

for (const harness of harnesses) {
  const { url, close } = await harness.start(options);
  const { status } = await fetch(`${url}${target}`, { headers });
  console.log(`${harness.name}: ${status}`);
  await close();
}

const resourceServer = createResourceServer(options);
const plain = createServer(async (request, response) => {
  const decision = await resourceServer.authenticate(request);
  response.writeHead(decision.kind === 'denied' ? decision.answer.status : 200).end();
});
await new Promise<void>((resolve) => {
  plain.listen(0, '127.0.0.1', resolve);
});
const { port } = plain.address() as AddressInfo; // a TCP server has no other address
const { status } = await fetch(`http://127.0.0.1:${port}${target}`, { headers });
console.log(`plain Node: ${status}`);
plain.close();
plain.closeAllConnections();
