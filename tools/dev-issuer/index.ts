export type { DevIssuer, DevIssuerSurroundings } from './dev-issuer.js';
export { startDevIssuer } from './dev-issuer.js';
export type { ServedRequest } from './http.js';
export { isOpenToOthers, readKeysFile } from './keys-file.js';
export type { DevClientOptions, DevIssuerOptions } from './options.js';
export { checkDevIssuerOptions, DEFAULT_CLIENT } from './options.js';
export { settingsToPaste } from './settings-to-paste.js';
export { describeToken } from './token-mint.js';
