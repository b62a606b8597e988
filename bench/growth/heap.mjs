import { setTimeout as pause } from 'node:timers/promises';
import { createResourceServer } from 'oauth-resource-server';
import { requestWith } from '../contestants/middleware-call.mjs';
import { authenticating } from '../contestants/product.mjs';
import { refusing } from '../measure.mjs';
import { AUDIENCE, createSigningKey, garbage, mint, mintMany, withUnknownKid } from '../tokens.mjs';

const ISSUER = 'https://issuer.example.com';
const BATCH = 500;

/** How much memory stays taken after more and more distinct tokens, and after garbage. Relative to none. */
export async function measureHeap({ distinctTokens, garbageTokens }) {
  const key = createSigningKey('EdDSA'); // the fastest to sign
  const newServer = () => verifierWith({ keys: [key.jwk] });
  // Compiled code and type feedback take memory as well: another server pays for them.
  await verifyDistinct(newServer(), key, 3000);
  await refuseGarbage(newServer(), key, 3000);

  const verify = newServer();
  const empty = await memoryTaken();
  const rows = [];
  const note = async (after) => rows.push({ after, bytes: (await memoryTaken()) - empty });
  let done = 0;
  for (const count of distinctTokens) {
    await verifyDistinct(verify, key, count - done);
    done = count;
    await note(`${count.toLocaleString('en')} distinct tokens`);
  }
  await refuseGarbage(verify, key, garbageTokens);
  await note(`and ${garbageTokens.toLocaleString('en')} garbage tokens`);
  // Keeps the server alive until here, or all of it would be garbage.
  await verify(mintMany(1, key, ISSUER)[0]);
  rows.push(await measureVariedScopes(newServer(), key, distinctTokens[0]));
  return rows;
}

/** Tokens with 60 scopes each, in another order each time: no two have the same list. */
async function measureVariedScopes(verify, key, count) {
  const empty = await memoryTaken();
  for (let done = 0; done < count; done += BATCH) {
    const tokens = Array.from({ length: BATCH }, (_, index) => {
      const first = (done + index) * 7;
      const scopes = Array.from({ length: 60 }, (_, place) => `scope:${(first + place * 17) % 61}`);
      if (index % 2 === 1) scopes.reverse();
      return mint(key, ISSUER, { scope: [`own:${done + index}`, ...scopes].join(' ') });
    });
    await Promise.all(tokens.map(verify));
  }
  const bytes = (await memoryTaken()) - empty;
  await verify(mint(key, ISSUER));
  return { after: `${count.toLocaleString('en')} tokens with 61 scopes each in another order`, bytes };
}

function verifierWith(jwks) {
  const authenticate = authenticating(
    createResourceServer({ issuer: { issuer: ISSUER, jwks }, audience: AUDIENCE }),
  );
  return (token) => authenticate(requestWith(token));
}

async function verifyDistinct(verify, key, count) {
  for (let done = 0; done < count; done += BATCH) {
    await Promise.all(mintMany(Math.min(BATCH, count - done), key, ISSUER).map(verify));
  }
}

async function refuseGarbage(verify, key, count) {
  const refuse = refusing(verify);
  for (let done = 0; done < count; done += BATCH) {
    await Promise.all(garbageBatch(key, Math.min(BATCH, count - done)).map(refuse));
  }
}

/** Of each kind that names no key, and unknown keys. */
function garbageBatch(key, count) {
  const kinds = ['text without dots', 'three random segments', 'alg none'].map((kind) => garbage[kind]);
  const unknown = withUnknownKid(Math.ceil(count / 4), key, ISSUER);
  return Array.from({ length: count }, (_, index) =>
    index % 4 === 3 ? unknown[index >> 2] : kinds[index % 4](key, ISSUER),
  );
}

async function memoryTaken() {
  for (let round = 0; round < 4; round++) {
    globalThis.gc();
    await pause(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
