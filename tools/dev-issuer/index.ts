export type { ClientOptions as DevClientOptions } from '../../src/testing/authorization-server/clients.js';
export type { ServedRequest } from '../../src/testing/authorization-server/http.js';
export { describeToken } from '../../src/testing/authorization-server/token-mint.js';
export type { DevIssuer, DevIssuerSurroundings } from './dev-issuer.js';
export { startDevIssuer } from './dev-issuer.js';
export { isOpenToOthers, readKeysFile } from './keys-file.js';
export type { DevIssuerOptions } from './options.js';
export { checkDevIssuerOptions, DEFAULT_CLIENT } from './options.js';
export { settingsToPaste } from './settings-to-paste.js';
