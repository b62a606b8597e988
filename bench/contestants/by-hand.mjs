import { createParamDecorator, ForbiddenException, UnauthorizedException, UseGuards } from '@nestjs/common';

/*
 * The few lines that an application writes around a verifier of tokens: the same for every library, so that it is the verifiers that differ.
 */

export function byHandExpress(verify, { scope }) {
  const middleware = async (request, response, next) => {
    try {
      request.auth = await verify(bearerToken(request.headers.authorization));
    } catch {
      response.status(401).set('WWW-Authenticate', 'Bearer error="invalid_token"').end();
      return;
    }
    if (hasScope(request.auth, scope)) next();
    else response.status(403).end();
  };
  return { middleware: [middleware], caller: (request) => request.auth.client_id };
}

export function byHandFastify(verify, { scope }) {
  const onRequest = async (request, reply) => {
    try {
      request.auth = await verify(bearerToken(request.headers.authorization));
    } catch {
      return reply.code(401).header('WWW-Authenticate', 'Bearer error="invalid_token"').send();
    }
    if (!hasScope(request.auth, scope)) return reply.code(403).send();
  };
  return async (app) => {
    app.decorateRequest('auth', undefined);
    return { route: { onRequest }, caller: (request) => request.auth.client_id };
  };
}

export function byHandNest(verify, { scope }) {
  const guard = {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest();
      try {
        request.auth = await verify(bearerToken(request.headers.authorization));
      } catch {
        throw new UnauthorizedException();
      }
      return requireScope(request.auth, scope);
    },
  };
  return { decorators: [UseGuards(guard)], parameter: RequestAuth(), caller: (auth) => auth.client_id };
}

export const RequestAuth = createParamDecorator((_data, context) => context.switchToHttp().getRequest().auth);

export function bearerToken(header = '') {
  const [scheme, token] = header.split(' ');
  if (scheme.toLowerCase() !== 'bearer' || !token) throw new Error('no bearer token');
  return token;
}

export function hasScope(claims, scope) {
  return typeof claims.scope === 'string' && claims.scope.split(' ').includes(scope);
}

export function requireScope(claims, scope) {
  if (!hasScope(claims, scope)) throw new ForbiddenException();
  return true;
}
