import { createInventory } from './inventory.js';

// Outside of the handlers: built once per instance of the function, so that the keys are loaded once.
const { ISSUER = '', AUDIENCE = '' } = process.env;
const inventory = createInventory({ issuer: ISSUER, audience: AUDIENCE });

export const getStock = inventory['GET /stock/{sku}'];
export const reserveStock = inventory['POST /stock/{sku}/reservations'];
export const getMetadata = inventory['GET /.well-known/oauth-protected-resource'];
