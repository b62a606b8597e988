import type { JSONWebKeySet } from 'jose';
import type { ResourceServerOptions } from '../../../src/index.js';
import { type Configuration, contractOptions } from '../../../src/testing/contract/configurations.js';

/** What a server in another runtime is told: plain data, of which it makes the options itself. */
export interface Setup {
  readonly configuration: Configuration;
  readonly hasCors: boolean;
  readonly trustsProxies: boolean;
  readonly issuer: string;
  readonly audience: string;
  /** The public keys of the test issuer. */
  readonly keys: JSONWebKeySet;
  /** Where the test issuer says what it knows of an opaque token. */
  readonly introspection: string;
}

/** The options of the contract for a server that shares nothing with the test issuer but its keys. */
export function setupOptions(setup: Setup): ResourceServerOptions {
  const { configuration, audience, keys } = setup;
  const trusted = { issuer: setup.issuer, jwks: () => keys, keys: { cooldownSeconds: 0 } };
  const endpoint = async (token: string): Promise<Record<string, unknown>> => {
    const response = await fetch(setup.introspection, { method: 'POST', body: token });
    return Object(await response.json());
  };
  const introspection = { endpoint, cacheSeconds: 0, negativeCacheSeconds: 0, cooldownSeconds: 0 };
  return contractOptions(configuration, {
    options: { issuer: trusted, audience, refusalWarnings: 'off' },
    introspectionOptions: { issuer: { ...trusted, introspection }, audience, refusalWarnings: 'off' },
  });
}
