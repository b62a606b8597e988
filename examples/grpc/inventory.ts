import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  makeClientConstructor,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

// What `proto-loader-gen-types` would write for inventory.proto, in short.

interface StockRequest {
  readonly sku: string;
}

export interface Stock {
  readonly sku: string;
  readonly count: number;
  readonly caller: string;
}

export interface InventoryHandlers extends UntypedServiceImplementation {
  GetVersion: handleUnaryCall<object, { version: string }>;
  GetStock: handleUnaryCall<StockRequest, Stock>;
  WatchStock: handleServerStreamingCall<StockRequest, Stock>;
  Reserve: handleBidiStreamingCall<StockRequest, Stock>;
}

type Callback<T> = (error: ServiceError | null, response?: T) => void;

export interface InventoryClient extends Client {
  GetVersion(request: object, callback: Callback<{ version: string }>): void;
  GetStock(request: StockRequest, callback: Callback<Stock>): void;
  WatchStock(request: StockRequest, metadata?: Metadata): ClientReadableStream<Stock>;
  Reserve(): ClientDuplexStream<StockRequest, Stock>;
}

/** The path counts from the folder that the process was started in. */
const definition = loadSync('examples/grpc/inventory.proto');

// The definition of a service, and not of a message, is what has this name in the file.
export const inventoryService = definition['inventory.Inventory'] as ServiceDefinition;

/** Clients of the service. */
export const Inventory: ServiceClientConstructor = makeClientConstructor(inventoryService, 'Inventory');
