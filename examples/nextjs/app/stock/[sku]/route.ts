import { requireScope } from 'oauth-resource-server/fetch';
import { gate } from '@/lib/gate';

interface Context {
  readonly params: Promise<{ readonly sku: string }>;
}

export const GET = gate.protect(async (_request, auth, { params }: Context) => {
  const { sku } = await params;
  return Response.json({ sku, inStock: 7, caller: auth.clientId });
}, requireScope('read:inventory'));
