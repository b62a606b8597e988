import { honoHarness } from '../../http/harnesses/hono.js';
import { serveOnDemand } from './control.js';

serveOnDemand(honoHarness);
