/** Resource indicators of the APIs (RFC 8707): access tokens are requested for one of them, and carry it as `"aud"`. */
export const INVENTORY = 'https://inventory.example.com';
export const ORDERS = 'https://orders.example.com';

/** The APIs, each with the scopes that it knows. */
export const APIS: ReadonlyMap<string, readonly string[]> = new Map([
  [INVENTORY, ['read:inventory', 'write:inventory']],
  [ORDERS, ['read:orders', 'write:orders']],
]);

export const TOKEN_LIFETIME_SECONDS = 600;

/** A client that may use the client-credentials grant (RFC 6749 §4.4), and the scopes that it may ask for. */
export interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
}

export const WEB_SHOP: Client = describeClient('web-shop', 'write:orders');
export const ORDER_SERVICE: Client = describeClient('order-service', 'read:inventory', 'write:inventory');
export const NIGHTLY_JOB: Client = describeClient('nightly-job', 'read:orders');
export const STOCK_REPORT: Client = describeClient('stock-report', 'read:inventory');

export const CLIENTS: readonly Client[] = [WEB_SHOP, ORDER_SERVICE, NIGHTLY_JOB, STOCK_REPORT];

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

function describeClient(name: string, ...scopes: readonly string[]): Client {
  return { clientId: name, clientSecret: `${name}-secret-for-the-demo`, scopes };
}
