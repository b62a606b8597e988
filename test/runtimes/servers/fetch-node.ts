import { fetchHarness } from '../../http/harnesses/fetch.js';
import { serveOnDemand } from './control.js';

serveOnDemand(fetchHarness);
