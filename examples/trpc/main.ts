import { createServer } from 'node:http';
import { createInventory } from './inventory.js';

const options = { issuer: 'http://127.0.0.1:4400', audience: 'https://inventory.example.com' };
createServer(createInventory(options)).listen(3000);
