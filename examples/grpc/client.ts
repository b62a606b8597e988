import { type ChannelCredentials, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ClientCredentials } from 'oauth-resource-server/client';
import { Inventory, type InventoryClient } from './inventory.js';

/**
 * A client of the inventory that sends an access token with each call.
 *
 * @param channel how the channel is encrypted: `credentials.createSsl()`. gRPC sends no token without
 * @param tokens where the tokens come from: `createClientCredentials(…)`
 */
export function createInventoryClient(
  address: string,
  channel: ChannelCredentials,
  tokens: Pick<ClientCredentials, 'getToken'>,
): InventoryClient {
  const callCredentials = credentials.createFromMetadataGenerator((_call, callback) => {
    tokens.getToken().then(
      ({ accessToken }) => {
        const metadata = new Metadata();
        metadata.set('authorization', `Bearer ${accessToken}`);
        callback(null, metadata);
      },
      (cause) => callback(Object.assign(new Error(cause.message, { cause }), { code: status.UNAVAILABLE })),
    );
  });
  const secured = credentials.combineChannelCredentials(channel, callCredentials);
  // The constructor made the methods of the service's definition, which the type repeats.
  return new Inventory(address, secured) as object as InventoryClient;
}
