import { gate } from '@/lib/gate';

// The gate serves the metadata. Without the option `resource` there is none.
const notFound = (): Response => new Response(null, { status: 404 });

export const GET = gate.protect(notFound);
export const OPTIONS = gate.protect(notFound);
