import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TokenClaims } from './token-issuer.js';

/** How the API under test authenticates at the introspection endpoint of a listening issuer. */
export const introspectionClient = { clientId: 'test-api', clientSecret: 'test-secret' } as const;

/** More than this is no introspection request. */
const MAX_FORM_BYTES = 65_536;

/**
 * Answers a request to an introspection endpoint (RFC 7662 §2): POST, a form, and `client_secret_basic` with {@link introspectionClient}.
 *
 * @param introspect what to say about a token
 */
export async function answerIntrospection(
  request: IncomingMessage,
  response: ServerResponse,
  introspect: (token: string) => TokenClaims,
): Promise<void> {
  if (request.method !== 'POST') {
    send(response, 405, { error: 'invalid_request' });
    return;
  }
  if (request.headers.authorization !== basicCredentials()) {
    response.setHeader('WWW-Authenticate', 'Basic realm="test issuer"');
    send(response, 401, { error: 'invalid_client' });
    return;
  }
  const token = new URLSearchParams(await readForm(request)).get('token');
  if (token === null) send(response, 400, { error: 'invalid_request' });
  else send(response, 200, introspect(token));
}

/** RFC 6749 §2.3.1; there is nothing in these two that would have to be encoded. */
function basicCredentials(): string {
  const { clientId, clientSecret } = introspectionClient;
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
}

async function readForm(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.byteLength;
      if (bytes > MAX_FORM_BYTES) return '';
      chunks.push(chunk);
    }
  } catch {
    return ''; // the client is gone, and nobody waits for an answer
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}
