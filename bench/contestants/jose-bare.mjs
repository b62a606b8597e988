import { importSPKI, jwtVerify } from 'jose';

/** The second reference: jose with a key at hand. */
export async function inProcess({ algorithm, pem, issuer, audience }) {
  const key = await importSPKI(pem, algorithm);
  return (token) => jwtVerify(token, key, { issuer, audience });
}
