import type {} from 'oauth-resource-server';

declare module 'oauth-resource-server' {
  interface Register {
    claims: { tenant: string };
    scope: 'read:inventory' | 'write:orders';
  }
}
