// Fills the memory for verified tokens, verifies as many new ones again and again, and writes how much garbage
// each thousand of them left in V8's old space, in kilobytes.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import v8 from 'node:v8';
import { createResourceServer } from 'oauth-resource-server';

const ROUNDS = 10;
const TOKENS = 1000;
const issuer = 'https://issuer.example.com';
const audience = 'https://inventory.example.com';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = encode({ alg: 'ES256', typ: 'at+jwt' });
const exp = Math.floor(Date.now() / 1000) + 3600;

function newToken() {
  const input = `${header}.${encode({ iss: issuer, aud: audience, exp, jti: randomUUID() })}`;
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

const server = createResourceServer({
  issuer: { issuer, jwks: { keys: [publicKey.export({ format: 'jwk' })] } },
  audience,
  cache: { maxTokens: TOKENS },
});
const oldBytes = () =>
  v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;

const left = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const before = oldBytes();
  for (let count = 0; count < TOKENS; count += 1) await server.verify(newToken());
  left.push(Math.round((oldBytes() - before) / 1024));
}
console.log(JSON.stringify(left));
