import { createPublicKey, type KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';
import type { Provider, ResourceServer } from 'oidc-provider';
import { PLATFORM } from './workload-platform.js';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A platform whose assertions are worth an access token (RFC 7523 §2.1). Its key may change. */
export interface TrustedPlatform {
  key: KeyObject;
}

/** Adds the JWT bearer grant to a provider, which doesn't have it. */
export async function addJwtBearerGrant(
  provider: Provider,
  platform: TrustedPlatform,
  resource: string,
  resourceServer: ResourceServer,
): Promise<void> {
  const { errors } = await import('oidc-provider');
  provider.registerGrantType<{ assertion?: string; scope?: string }>(
    JWT_BEARER,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const expected = { issuer: PLATFORM, audience: provider.issuer };
      try {
        await jwtVerify(params.assertion ?? '', createPublicKey(platform.key), expected);
      } catch {
        throw new errors.InvalidGrant('the assertion is not valid');
      }
      const token = new provider.ClientCredentials({
        client,
        scope: resourceServer.scope,
        resourceServer: new provider.ResourceServer(resource, resourceServer),
      });
      ctx.oidc.entity('ClientCredentials', token);
      const access_token = await token.save();
      ctx.body = { access_token, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope };
    },
    ['assertion', 'scope', 'resource'],
  );
}
