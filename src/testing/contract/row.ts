import type { Scheme } from '../../terms.js';
import type { ClientCertificate } from '../certificate.js';
import type { DpopKey } from '../dpop-key.js';
import type { TestIssuer } from '../test-issuer.js';
import type { Configuration } from './configurations.js';
import type { RawRequest } from './http-client.js';

/** What a row of the contract expects of the answer. */
export interface Expected {
  readonly status: number;
  /** Members of the JSON body; for refusals the body is checked against the challenge anyway. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The challenge's `error`; `null`: a challenge without one. Required for 400, 401 and 403. */
  readonly error?: string | null;
  /**
   * Whose challenge has the error; the others are plain. Default `Bearer`; with `every` it is in all of them.
   * Ignored if the challenges have no error.
   */
  readonly scheme?: Scheme | 'every';
  /** The schemes that are offered. Default both; for 403, only the one in {@link scheme}. */
  readonly offered?: readonly Scheme[];
  /** The challenge's `scope`, if one is expected. */
  readonly scope?: string;
  readonly realm?: string;
  /** The `resource_metadata` of every challenge. */
  readonly metadata?: string;
  /** `acr_values` and `max_age` of the challenge that has the error. */
  readonly stepUp?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the client of the contract can prove that it has. */
export interface ContractClient {
  readonly key: DpopKey;
  readonly otherKey: DpopKey;
  readonly certificate: ClientCertificate;
  readonly otherCertificate: ClientCertificate;
}

/** One behavior over HTTP that every framework must show. */
export interface ContractRow {
  /** The behavior as a sentence. Unique. */
  readonly title: string;
  /** The requirements of docs/requirements.md that the row proves. */
  readonly ids?: readonly string[];
  readonly configuration?: Configuration;
  /**
   * @param url of the server that the request goes to
   * @param client what the client has keys and certificates for
   */
  readonly request: (
    issuer: TestIssuer,
    url: string,
    client: ContractClient,
  ) => RawRequest | Promise<RawRequest>;
  readonly expected: Expected;
}

/** The claims that open `/stock/42`. */
export const READ = { scope: 'read:inventory' };
/** The answer of `/stock/42` to {@link READ}. */
export const OK: Expected = {
  status: 200,
  body: { sku: '42', caller: 'test-client', scopes: ['read:inventory'] },
};
/** The answer of the other routes to a token that opens them. */
export const KNOWN: Expected = { status: 200, body: { caller: 'test-client', anonymous: false } };
export const BAD_TOKEN: Expected = { status: 401, error: 'invalid_token' };
