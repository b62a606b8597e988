import { nestExpressHarness } from '../../http/harnesses/nestjs-express.js';
import { serveOnDemand } from './control.js';

serveOnDemand(nestExpressHarness);
