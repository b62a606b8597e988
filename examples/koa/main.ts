import { createInventory } from './inventory.js';

createInventory({ issuer: 'http://127.0.0.1:4400', audience: 'https://inventory.example.com' }).listen(3000);
