import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayRequestAuthorizerEvent,
  APIGatewayRequestAuthorizerEventV2,
  APIGatewayTokenAuthorizerEvent,
} from 'aws-lambda';

/** A request as it arrives at API Gateway. */
export interface Arriving {
  readonly method?: string;
  /** As the route has it: `/stock/42`. */
  readonly path?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | undefined;
  readonly isBase64Encoded?: boolean;
  readonly stage?: string;
  readonly domainName?: string;
  readonly clientCertPem?: string;
}

export const EXECUTE_API = 'abcdef1234.execute-api.eu-west-1.amazonaws.com';
export const ARN = 'arn:aws:execute-api:eu-west-1:123456789012:abcdef1234';

const certificate = (clientCertPem: string) => ({
  clientCertPem,
  subjectDN: 'CN=client',
  issuerDN: 'CN=ca',
  serialNumber: '1',
  validity: { notBefore: 'Jan 1 00:00:00 2026 GMT', notAfter: 'Jan 1 00:00:00 2036 GMT' },
});

/** What a REST API makes of it, in the payload format 1.0. */
export function proxyEvent(arriving: Arriving = {}): APIGatewayProxyEvent {
  const { method = 'GET', path = '/stock/42', headers = [], body = null, isBase64Encoded = false } = arriving;
  const { stage = 'prod', domainName = EXECUTE_API, clientCertPem } = arriving;
  const all: Record<string, string[]> = {};
  for (const [name, value] of headers) all[name] = [...(all[name] ?? []), value];
  return {
    resource: '/stock/{sku}',
    path,
    httpMethod: method,
    headers: Object.fromEntries(headers), // the last of repeated ones
    multiValueHeaders: all,
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: { sku: '42' },
    stageVariables: null,
    body,
    isBase64Encoded,
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdef1234',
      authorizer: null,
      protocol: 'HTTP/1.1',
      httpMethod: method,
      domainName,
      domainPrefix: domainName.split('.', 1).join(),
      path: domainName === EXECUTE_API ? `/${stage}${path}` : path,
      stage,
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
      requestTimeEpoch: 1_428_582_896_000,
      resourceId: '123456',
      resourcePath: '/stock/{sku}',
      identity: {
        accessKey: null,
        accountId: null,
        apiKey: null,
        apiKeyId: null,
        caller: null,
        clientCert: clientCertPem === undefined ? null : certificate(clientCertPem),
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: '192.0.2.1',
        user: null,
        userAgent: 'test',
        userArn: null,
      },
    },
  };
}

/** What an HTTP API makes of it, in the payload format 2.0. */
export function proxyEventV2(arriving: Arriving = {}): APIGatewayProxyEventV2 {
  const { method = 'GET', path = '/stock/42', headers = [], body, isBase64Encoded = false } = arriving;
  const { stage = '$default', domainName = EXECUTE_API, clientCertPem } = arriving;
  const rawPath = stage === '$default' ? path : `/${stage}${path}`;
  const all: Record<string, string> = {};
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    all[name] = name in all ? `${all[name]},${value}` : value;
  }
  return {
    version: '2.0',
    routeKey: `${method} /stock/{sku}`,
    rawPath,
    rawQueryString: '',
    headers: all,
    pathParameters: { sku: '42' },
    isBase64Encoded,
    ...(body !== undefined && { body }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdef1234',
      domainName,
      domainPrefix: domainName.split('.', 1).join(),
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: `${method} /stock/{sku}`,
      stage,
      time: '10/Mar/2026:05:16:23 +0000',
      timeEpoch: 1_583_817_383_220,
      ...(clientCertPem !== undefined && { authentication: { clientCert: certificate(clientCertPem) } }),
    },
  };
}

/** What a TOKEN authorizer gets. */
export function tokenEvent(
  authorizationToken: string,
  route = 'GET/stock/42',
): APIGatewayTokenAuthorizerEvent {
  return { type: 'TOKEN', authorizationToken, methodArn: `${ARN}/prod/${route}` };
}

/** What a REQUEST authorizer gets in the payload format 1.0. */
export function requestEvent(arriving: Arriving = {}): APIGatewayRequestAuthorizerEvent {
  const { body: _body, isBase64Encoded: _encoded, ...event } = proxyEvent(arriving);
  const { requestContext, httpMethod, path } = event;
  return {
    ...event,
    type: 'REQUEST',
    methodArn: `${ARN}/prod/${httpMethod}${path}`,
    requestContext: { ...requestContext, authorizer: undefined },
  };
}

/** What a REQUEST authorizer gets in the payload format 2.0. */
export function requestEventV2(arriving: Arriving = {}): APIGatewayRequestAuthorizerEventV2 {
  const { body: _body, isBase64Encoded: _encoded, cookies = [], ...event } = proxyEventV2(arriving);
  const { routeKey, headers } = event;
  return {
    ...event,
    cookies,
    type: 'REQUEST',
    routeArn: `${ARN}/$default/${routeKey}`,
    identitySource: [headers.authorization ?? ''],
  };
}
