import { fastifyHarness } from '../../http/harnesses/fastify.js';
import { serveOnDemand } from './control.js';

serveOnDemand(fastifyHarness);
