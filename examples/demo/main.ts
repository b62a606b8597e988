import { startDevIssuer } from './authorization-servers/dev-issuer.js';
import { startOidcProvider } from './authorization-servers/oidc-provider.js';
import { runCommandLine } from './command-line.js';
import { runDemo } from './demo.js';

const servers = { 'dev-issuer': startDevIssuer, 'oidc-provider': startOidcProvider };
process.exitCode = await runCommandLine(process.argv.slice(2), servers, runDemo, console.log);
