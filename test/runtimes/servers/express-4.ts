import { express4Harness } from '../../http/harnesses/express.js';
import { serveOnDemand } from './control.js';

serveOnDemand(express4Harness);
