import { onTestFinished } from 'vitest';
import {
  type ApiClient,
  type ClientCredentials,
  type ClientCredentialsOptions,
  createClientCredentials,
  createJwtBearer,
  isTokenRequestError,
  type JwtBearerOptions,
  type TokenRequestError,
} from '../../../src/client/index.js';

export const CLIENT_ID = 'order-service';
export const CLIENT_SECRET = 'canary-secret+/ %&ü';

/** A client that is closed with the test. Further attempts are made at once: nothing is random. */
export function makeClient(options: Partial<ClientCredentialsOptions>): ClientCredentials {
  const { privateKey, clientAssertion, certificate } = options;
  const isGiven = [privateKey, clientAssertion, certificate].some((given) => given !== undefined);
  const credential = isGiven ? {} : { clientSecret: CLIENT_SECRET };
  const client = createClientCredentials({ clientId: CLIENT_ID, random: () => 0, ...credential, ...options });
  onTestFinished(() => client.close());
  return client;
}

/**
 * {@link makeClient} for the JWT bearer grant. It names no client and doesn't authenticate, if the options
 * don't say.
 */
export function makeJwtBearer(options: JwtBearerOptions): ApiClient {
  const client = createJwtBearer({ random: () => 0, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** The error of a request for a token, or a failure of the test. */
export async function failureOf(promise: Promise<unknown>): Promise<TokenRequestError> {
  const outcome = await promise.then(
    () => 'it was granted',
    (error: unknown) => error,
  );
  if (isTokenRequestError(outcome)) return outcome;
  throw outcome instanceof Error ? outcome : new Error(String(outcome));
}
