import type { PrivateKey } from 'oauth-resource-server/client';

// @ts-expect-error neither a key nor text
export const key: PrivateKey = 42;
