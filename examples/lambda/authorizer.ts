import type {
  APIGatewayAuthorizerResult,
  APIGatewayRequestAuthorizerEvent,
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerWithContextResult,
  APIGatewayTokenAuthorizerEvent,
} from 'aws-lambda';
import {
  type Auth,
  createResourceServer,
  type RequestView,
  type ResourceServerOptions,
} from 'oauth-resource-server';
import { viewEvent } from './http-event.js';

export type AuthorizerEvent =
  | APIGatewayTokenAuthorizerEvent
  | APIGatewayRequestAuthorizerEvent
  | APIGatewayRequestAuthorizerEventV2;

/** What the functions behind the authorizer get as `event.requestContext.authorizer`. Never the token. */
type Caller = { clientId: string; subject: string; scope: string };
type AuthorizerResult = APIGatewayAuthorizerResult | APIGatewaySimpleAuthorizerWithContextResult<Caller>;

/** `GET /stock/{sku}` → the scopes that this route requires. */
export type Routes = Readonly<Record<string, readonly string[]>>;

/** A Lambda authorizer of API Gateway: of the type TOKEN, or REQUEST in the payload formats 1.0 and 2.0. */
export function createAuthorizer(options: ResourceServerOptions, routes: Routes) {
  const server = createResourceServer(options);
  return async (event: AuthorizerEvent): Promise<AuthorizerResult> => {
    const decision = await server.authenticate(event.type === 'TOKEN' ? viewToken(event) : viewEvent(event));
    if (decision.kind === 'denied') {
      if (decision.error.status === 503) throw decision.error; // 500: no answer is cached, and it's no 401
      throw new Error('Unauthorized'); // to the letter: API Gateway answers 401
    }
    const { auth } = decision;
    if (auth === undefined) throw new Error('Unauthorized');
    const opened = Object.keys(routes).filter((route) => isOpen(auth, routes[route]));
    const context = {
      clientId: auth.clientId ?? '',
      subject: auth.subject ?? '',
      scope: auth.scopes.join(' '),
    };
    if ('routeKey' in event) return { isAuthorized: opened.includes(event.routeKey), context };
    const policyDocument = policy(event.methodArn, opened);
    return { principalId: auth.subject ?? auth.clientId ?? 'unknown', policyDocument, context };
  };
}

function isOpen({ scopes }: Auth, required: readonly string[] = []): boolean {
  return required.every((scope) => scopes.includes(scope));
}

/** Of all routes, not only the one that's called: API Gateway keeps the policy for the token, whatever it calls next. */
function policy(methodArn: string, opened: readonly string[]): APIGatewayAuthorizerResult['policyDocument'] {
  const [api, stage] = methodArn.split('/');
  const resources = opened.map(
    (route) => `${api}/${stage}/${route.replace(' ', '').replaceAll(/\{.+?\}/g, '*')}`,
  );
  const Action = 'execute-api:Invoke';
  const allow = { Effect: 'Allow', Action, Resource: resources } as const;
  const deny = { Effect: 'Deny', Action, Resource: `${api}/${stage}/*` } as const;
  return { Version: '2012-10-17', Statement: [opened.length > 0 ? allow : deny] };
}

/** All that a TOKEN authorizer gets. Without `DPoP`, tokens that are bound to a key are refused. */
function viewToken({ authorizationToken, methodArn }: APIGatewayTokenAuthorizerEvent): RequestView {
  const [, , method = '', ...path] = methodArn.split('/');
  return {
    method,
    url: `https://localhost/${path.join('/')}`,
    header: (name) => (name === 'authorization' ? authorizationToken : undefined),
  };
}
