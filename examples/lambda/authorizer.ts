import type {
  APIGatewayAuthorizerResult,
  APIGatewayRequestAuthorizerEvent,
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerWithContextResult,
  APIGatewayTokenAuthorizerEvent,
} from 'aws-lambda';
import { createResourceServer, type RequestView, type ResourceServerOptions } from 'oauth-resource-server';
import { viewEvent } from './http-event.js';

export type AuthorizerEvent =
  | APIGatewayTokenAuthorizerEvent
  | APIGatewayRequestAuthorizerEvent
  | APIGatewayRequestAuthorizerEventV2;

/** What the functions behind the authorizer get as `event.requestContext.authorizer`. Never the token. */
type Caller = { clientId: string; subject: string; scope: string };
type Result = APIGatewayAuthorizerResult | APIGatewaySimpleAuthorizerWithContextResult<Caller>;
type Policy = APIGatewayAuthorizerResult['policyDocument'];

/** `GET /stock/{sku}` → the scopes that this route requires. */
export type Routes = Readonly<Record<string, readonly string[]>>;

/** A Lambda authorizer of API Gateway: of the type TOKEN, or REQUEST in the payload formats 1.0 and 2.0. */
export function createAuthorizer(
  options: ResourceServerOptions,
  routes: Routes,
): (event: AuthorizerEvent) => Promise<Result> {
  const server = createResourceServer(options);
  return async (event) => {
    const decision = await server.authenticate(event.type === 'TOKEN' ? viewToken(event) : viewEvent(event));
    if (decision.kind === 'denied' && decision.error.status === 503) throw decision.error; // 500
    const auth = decision.kind === 'allowed' ? decision.auth : undefined;
    if (auth === undefined) throw new Error('Unauthorized'); // to the letter: API Gateway answers 401
    const isOpen = (route: string) => routes[route]?.every((scope) => auth.scopes.includes(scope)) === true;
    const { clientId = '', subject = '' } = auth;
    const context = { clientId, subject, scope: auth.scopes.join(' ') };
    if ('routeKey' in event) return { isAuthorized: isOpen(event.routeKey), context };
    const policyDocument = policyFor(event.methodArn, Object.keys(routes), isOpen);
    return { principalId: subject || clientId || 'unknown', policyDocument, context };
  };
}

/**
 * For all routes, not only the one that's called: API Gateway keeps the policy for later calls with the
 * token.
 */
function policyFor(methodArn: string, routes: readonly string[], isOpen: (route: string) => boolean): Policy {
  const [api, stage] = methodArn.split('/');
  const toPath = (route: string) => route.replace(' ', '').replaceAll(/\{.+?\}/g, '*');
  const statement = (Effect: 'Allow' | 'Deny', paths: readonly string[]) => {
    return { Effect, Action: 'execute-api:Invoke', Resource: paths.map((path) => `${api}/${stage}/${path}`) };
  };
  const opened = routes.filter(isOpen).map(toPath);
  if (opened.length === 0) return { Version: '2012-10-17', Statement: [statement('Deny', ['*'])] };
  // A `*` of a policy stands for slashes too: what's closed below an open route has to be denied.
  const below = new RegExp(`^(${opened.join('|').replaceAll('*', '.*')})$`);
  const denied = routes.filter((route) => !isOpen(route) && below.test(toPath(route))).map(toPath);
  const deny = denied.length > 0 ? [statement('Deny', denied)] : [];
  return { Version: '2012-10-17', Statement: [statement('Allow', opened), ...deny] };
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
