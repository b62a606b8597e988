import { nestFastifyHarness } from '../../http/harnesses/nestjs-fastify.js';
import { serveOnDemand } from './control.js';

serveOnDemand(nestFastifyHarness);
