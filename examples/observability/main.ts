import { createServer } from 'node:http';
import { logRefusals } from 'oauth-resource-server';
import { pino } from 'pino';
import { createInventory } from '../services/inventory-express.js';
import { startTelemetry } from './telemetry.js';

const { ISSUER = 'http://127.0.0.1:4400', AUDIENCE = 'https://inventory.example.com' } = process.env;

const telemetry = startTelemetry();
logRefusals(pino());

const api = createInventory({ issuer: ISSUER, audience: AUDIENCE }).listen(3000);
const metrics = createServer(telemetry.metrics).listen(9464, '127.0.0.1');

process.once('SIGTERM', async () => {
  api.close();
  metrics.close();
  await telemetry.stop();
});
