/**
 * Resource indicators of the APIs (RFC 8707): access tokens are requested for one of them, and carry it as
 * `"aud"`.
 */
export const INVENTORY = 'https://inventory.example.com';
export const ORDERS = 'https://orders.example.com';
export const WAREHOUSE = 'https://warehouse.example.com';

/**
 * The APIs, each with the scopes that tokens for it may have. In a token for the inventory, `read:warehouse`
 * opens nothing: it lets the inventory-service read in the warehouse on behalf of its caller.
 */
export const APIS: ReadonlyMap<string, readonly string[]> = new Map([
  [INVENTORY, ['read:inventory', 'write:inventory', 'read:warehouse']],
  [ORDERS, ['read:orders', 'write:orders']],
  [WAREHOUSE, ['read:warehouse']],
]);

export const TOKEN_LIFETIME_SECONDS = 600;

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** A client, and what it may ask for. All may use the client-credentials grant (RFC 6749 §4.4). */
export interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The API that its access tokens are for. */
  readonly api: string;
  readonly scopes: readonly string[];
  readonly grantTypes: readonly string[];
}

export const WEB_SHOP: Client = describeClient('web-shop', ORDERS, 'write:orders');
export const ORDER_SERVICE: Client = describeClient(
  'order-service',
  INVENTORY,
  ...['read:inventory', 'write:inventory', 'read:warehouse'],
);
export const NIGHTLY_JOB: Client = describeClient('nightly-job', ORDERS, 'read:orders');
export const STOCK_REPORT: Client = describeClient('stock-report', INVENTORY, 'read:inventory');
/** May exchange the tokens of its callers for those of the warehouse (RFC 8693). */
export const INVENTORY_SERVICE: Client = {
  ...describeClient('inventory-service', WAREHOUSE, 'read:warehouse'),
  grantTypes: ['client_credentials', TOKEN_EXCHANGE],
};

export const CLIENTS: readonly Client[] = [
  WEB_SHOP,
  ORDER_SERVICE,
  NIGHTLY_JOB,
  STOCK_REPORT,
  INVENTORY_SERVICE,
];

/** A real authorization server on loopback. Its address outlives it, and so do its keys. */
export interface AuthorizationServer {
  /** What it is, in words: `"oidc-provider"`. */
  readonly name: string;
  readonly issuer: string;
  /** Starts it again, with `newKey` as one that has lost its key and made another. */
  start(options?: { readonly newKey?: boolean }): Promise<void>;
  /** Ends it at once, with all its connections, as a crash would. Does nothing when it has ended. */
  kill(): Promise<void>;
  /** Ends it for good, and leaves nothing behind. */
  close(): Promise<void>;
}

/** Starts an authorization server for {@link CLIENTS} and {@link APIS}. */
export type StartAuthorizationServer = () => Promise<AuthorizationServer>;

function describeClient(clientId: string, api: string, ...scopes: readonly string[]): Client {
  const clientSecret = `${clientId}-secret-for-the-demo`;
  return { clientId, clientSecret, api, scopes, grantTypes: ['client_credentials'] };
}
