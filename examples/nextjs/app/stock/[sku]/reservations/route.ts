import { requireScope } from 'oauth-resource-server/fetch';
import { gate } from '@/lib/gate';

interface Context {
  readonly params: Promise<{ readonly sku: string }>;
}

export const POST = gate.protect(async (_request, auth, { params }: Context) => {
  const { sku } = await params;
  return Response.json({ sku, reserved: 1, caller: auth.clientId }, { status: 201 });
}, requireScope('write:inventory'));
