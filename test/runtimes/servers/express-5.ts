import { express5Harness } from '../../http/harnesses/express.js';
import { serveOnDemand } from './control.js';

serveOnDemand(express5Harness);
