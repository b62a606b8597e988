import { createParamDecorator, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import jwksRsa from 'jwks-rsa';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { hasScope, requireScope } from './by-hand.mjs';
import { callMiddleware, requestWith } from './middleware-call.mjs';

function strategyOptions({ issuer, audience, jwksUri }) {
  return {
    secretOrKeyProvider: jwksRsa.passportJwtSecret({ jwksUri, cache: true }),
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    issuer,
    audience,
    algorithms: ['RS256', 'PS256', 'ES256'],
  };
}

function authenticate(trust) {
  const passport = new Passport();
  passport.use(new Strategy(strategyOptions(trust), (claims, done) => done(null, claims)));
  return passport.authenticate('jwt', { session: false });
}

export const inProcess = (trust) => callMiddleware(authenticate(trust));
export const prepare = requestWith;

/** It has no scope check. */
export function express(trust) {
  const requireScopeOfUser = (request, response, next) => {
    if (hasScope(request.user, trust.scope)) next();
    else response.status(403).end();
  };
  return {
    middleware: [authenticate(trust), requireScopeOfUser],
    caller: (request) => request.user.client_id,
  };
}

export function nestjs(trust) {
  class JwtStrategy extends PassportStrategy(Strategy) {
    constructor() {
      super(strategyOptions(trust));
    }
    validate(claims) {
      return claims;
    }
  }
  const scopeGuard = {
    canActivate: (context) => requireScope(context.switchToHttp().getRequest().user, trust.scope),
  };
  return {
    providers: [JwtStrategy],
    decorators: [UseGuards(AuthGuard('jwt'), scopeGuard)],
    parameter: User(),
    caller: (user) => user.client_id,
  };
}

const User = createParamDecorator((_data, context) => context.switchToHttp().getRequest().user);
