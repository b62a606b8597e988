import { createInventory } from './inventory.js';

const { ISSUER = '', AUDIENCE = '' } = process.env;

/** Made outside of the handlers, once for an instance of the function: it loads the keys once. */
export const { getStock, reserveStock, getMetadata } = createInventory({
  issuer: ISSUER,
  audience: AUDIENCE,
});
