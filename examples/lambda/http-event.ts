import { X509Certificate } from 'node:crypto';
import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayRequestAuthorizerEvent,
  APIGatewayRequestAuthorizerEventV2,
} from 'aws-lambda';
import type { Answer, RequestView } from 'oauth-resource-server';

/** A request in the payload format 1.0 (REST APIs) or 2.0 (HTTP APIs, function URLs). */
export type HttpEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2;
/** The same requests as an authorizer gets them. */
type AuthorizerEvent = APIGatewayRequestAuthorizerEvent | APIGatewayRequestAuthorizerEventV2;
/** What a handler returns, in both formats. */
export interface Result {
  statusCode: number;
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  body: string;
}

export function viewEvent(event: HttpEvent | AuthorizerEvent): RequestView {
  const { method, host, path, certificate } = 'rawPath' in event ? readV2(event) : readV1(event);
  return {
    method,
    // API Gateway decodes paths; what was `%3F` mustn't begin a query.
    url: `https://${host}${path.replaceAll(/[?#]/g, encodeURIComponent)}`,
    header: (name) => fieldLines(event, name),
    clientCertificate: () => (certificate === undefined ? undefined : new X509Certificate(certificate).raw),
    body: 'isBase64Encoded' in event ? readForm(event) : undefined,
  };
}

function readV1({ httpMethod, requestContext }: APIGatewayProxyEvent | APIGatewayRequestAuthorizerEvent) {
  const { domainName, path, identity } = requestContext; // this path is the one that the client sent
  return { method: httpMethod, host: domainName, path, certificate: identity.clientCert?.clientCertPem };
}

function readV2({ rawPath, requestContext }: APIGatewayProxyEventV2 | APIGatewayRequestAuthorizerEventV2) {
  const { domainName, stage, http, authentication } = requestContext;
  // It begins with the stage, which clients of a custom domain don't send.
  const isCustom = !/\.(execute-api|lambda-url)\./.test(domainName);
  const path = isCustom && rawPath.startsWith(`/${stage}/`) ? rawPath.slice(stage.length + 1) : rawPath;
  return {
    method: http.method,
    host: domainName,
    path,
    certificate: authentication?.clientCert.clientCertPem,
  };
}

/** Names come in the case that the client chose, and format 1.0 has every line in a member of its own. */
function fieldLines(event: HttpEvent | AuthorizerEvent, name: string): readonly string[] {
  const all = ('multiValueHeaders' in event ? event.multiValueHeaders : null) ?? event.headers ?? {};
  return Object.entries(all)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value ?? []);
}

/** For `bearerMethods: ['body']`. A repeated parameter stays repeated, so that it's refused. */
function readForm({ body, isBase64Encoded }: HttpEvent): unknown {
  const text = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8').toString();
  const tokens = new URLSearchParams(text).getAll('access_token');
  return tokens.length === 0 ? undefined : { access_token: tokens.length > 1 ? tokens : tokens[0] };
}

/** Repeated fields stay apart in format 1.0. Format 2.0 joins them, which means the same. */
export function toResult(event: HttpEvent, { status, headers, body = '' }: Answer): Result {
  const fields = Object.entries(headers).map(([name, value]) => [name, [value].flat()] as const);
  return 'rawPath' in event
    ? {
        statusCode: status,
        headers: Object.fromEntries(fields.map(([name, lines]) => [name, lines.join(', ')])),
        body,
      }
    : { statusCode: status, multiValueHeaders: Object.fromEntries(fields), body };
}
