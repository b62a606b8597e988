import { serve } from 'h3';
import { createInventory } from './inventory.js';

const options = { issuer: 'http://127.0.0.1:4400', audience: 'https://inventory.example.com' };
serve(createInventory(options), { port: 3000 });
