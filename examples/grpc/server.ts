import { Server } from '@grpc/grpc-js';
import { authenticate, getAuth, type ResourceServerOptions, requireScope } from 'oauth-resource-server/grpc';
import { type InventoryHandlers, inventoryService } from './inventory.js';

/** The inventory as a gRPC service. The caller binds it to an address. */
export function createInventoryServer(options: ResourceServerOptions): Server {
  const server = new Server({
    interceptors: [
      authenticate(options, {
        '/inventory.Inventory/GetVersion': 'public',
        '/inventory.Inventory/GetStock': requireScope('read:inventory'),
        '/inventory.Inventory/WatchStock': requireScope('read:inventory'),
        '/inventory.Inventory/Reserve': [requireScope('read:inventory'), requireScope('write:orders')],
      }),
    ],
  });
  server.addService(inventoryService, createHandlers());
  return server;
}

function createHandlers(): InventoryHandlers {
  const counts = new Map([['42', 7]]);
  const stock = (sku: string, caller = '') => ({ sku, count: counts.get(sku) ?? 0, caller });

  return {
    GetVersion(_call, callback) {
      callback(null, { version: '1.0.0' });
    },
    GetStock(call, callback) {
      callback(null, stock(call.request.sku, getAuth(call).clientId));
    },
    WatchStock(call) {
      const { clientId } = getAuth(call);
      const send = () => call.write(stock(call.request.sku, clientId));
      const timer = setInterval(send, 1000);
      call.on('cancelled', () => clearInterval(timer)); // the client left, or its token expired
      send();
    },
    Reserve(call) {
      const { clientId } = getAuth(call);
      call.on('data', ({ sku }) => {
        counts.set(sku, (counts.get(sku) ?? 0) - 1);
        call.write(stock(sku, clientId));
      });
      call.on('end', () => call.end());
    },
  };
}
