import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { getStock } from './handlers.js';

const [, , token] = process.argv;
const routeKey = 'GET /stock/{sku}';
const rawPath = '/stock/42';
const event: APIGatewayProxyEventV2 = {
  version: '2.0',
  routeKey,
  rawPath,
  rawQueryString: '',
  headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  pathParameters: { sku: '42' },
  isBase64Encoded: false,
  requestContext: {
    accountId: '123456789012',
    apiId: 'abcdef1234',
    domainName: 'abcdef1234.execute-api.eu-west-1.amazonaws.com',
    domainPrefix: 'abcdef1234',
    http: { method: 'GET', path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'curl/8' },
    requestId: 'JKJaXmPLvHcESHA=',
    routeKey,
    stage: '$default',
    time: '28/Nov/2026:12:00:00 +0000',
    timeEpoch: 1_795_867_200_000,
  },
};

console.log(JSON.stringify(await getStock(event), null, 2));
