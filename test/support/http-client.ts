export { type RawRequest, type RawResponse, send } from '../../src/testing/contract/http-client.js';
