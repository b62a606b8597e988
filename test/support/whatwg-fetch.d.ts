// What GraphQL Yoga's types take of `@whatwg-node/fetch`. Its own types bring in those of the DOM, for all
// files.

export declare const Response: typeof globalThis.Response;

export declare function createFetch(): Pick<typeof globalThis, 'fetch' | 'Request' | 'Response' | 'Headers'>;
