import { gate } from '@/lib/gate';

/** Serves the metadata of the API, and 404 if the option `resource` isn't set. */
export const GET = gate.protect(() => new Response(null, { status: 404 }));
export const OPTIONS = GET;
