import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { IntrospectionEndpointOptions } from '../../src/index.js';
import { type Behaviour, json, type MisbehavingIssuer, paths } from './misbehaving-issuer.js';
import { audience } from './protected-api.js';

export const INTROSPECT = '/introspect';
/** What this API is to the authorization server. */
export const client = { clientId: 'inventory-api', clientSecret: 'secret-of-the-api' } as const;
/** Tokens of {@link activeClaims} are valid for years. */
export const EXPIRES = 4_102_444_800;

/** What is said of a token that opens the API; `undefined` removes a member. */
export function activeClaims(claims: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { active: true, aud: audience, client_id: 'order-service', exp: EXPIRES, ...claims };
}

export function active(claims: Readonly<Record<string, unknown>> = {}): Behaviour {
  return json(activeClaims(claims));
}

export const inactive: Behaviour = json({ active: false });

/** Metadata that names an introspection endpoint, and keys. */
export function publishEndpoint(
  issuer: MisbehavingIssuer,
  keys: readonly unknown[] = [],
  more: Readonly<Record<string, unknown>> = {},
): void {
  const { url } = issuer;
  issuer.publish(keys);
  issuer.script(
    paths.oauth,
    json({
      issuer: url,
      jwks_uri: `${url}${paths.jwks}`,
      introspection_endpoint: `${url}${INTROSPECT}`,
      ...more,
    }),
  );
}

/** Options of an API that asks `issuer`, at a known place. */
export function asking(
  issuer: MisbehavingIssuer,
  options: Partial<IntrospectionEndpointOptions> = {},
): { issuer: { issuer: string; introspection: IntrospectionEndpointOptions } } {
  const introspection = { ...client, endpoint: `${issuer.url}${INTROSPECT}`, ...options };
  return { issuer: { issuer: issuer.url, introspection } };
}

/** A request to an introspection endpoint. */
export interface AskedRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** Writes requests down before they are answered. */
export function recorded(log: AskedRequest[], then: Behaviour): Behaviour {
  return (response) => {
    void readBody(response.req).then((body) => {
      const { method, url, headers } = response.req;
      log.push({ method, url, headers, form: new URLSearchParams(body) });
      then(response);
    });
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Opaque tokens, each another one. */
export function opaque(number = 0): string {
  return `opaque-access-token-${String(number).padStart(12, '0')}`;
}
