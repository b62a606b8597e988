import { type CanActivate, type ExecutionContext, Inject, Injectable, Logger } from '@nestjs/common';
import type { Denied, ResourceServer } from '../../src/index.js';
import { UNREACHABLE } from '../kit/check-requirements.js';
import {
  challengeHeaders,
  checkRequirements,
  Gate,
  setHeaders,
  standInFor,
  whenSettled,
} from '../kit/index.js';
import { ResourceServerException, refuseIn } from './exception.js';
import { carriers, findRequest, type RequestResponse, toArrival } from './platform.js';
import { routePolicy } from './route-policy.js';

/** Injects the {@link ResourceServer} that the module made or was given: `@Inject(RESOURCE_SERVER)`. */
export const RESOURCE_SERVER: unique symbol = Symbol('RESOURCE_SERVER of ResourceServerModule.forRoot()');

/**
 * The guard that the module uses: its own class, a subclass, or a test's replacement. If Nest doesn't find
 * it, its error shows this symbol, so the symbol says why.
 */
export const GUARD: unique symbol = Symbol(
  'guard of ResourceServerModule.forRoot(), not imported or of another copy: npm ls oauth-resource-server',
);

/**
 * Lets a request reach its handler if it carries a valid access token that meets the requirements of class
 * and handler. `ResourceServerModule` makes it a global guard. Every `@Require…` decorator also calls it, so
 * that an application without the module fails at start. A request is authenticated once, however many guards
 * and resolvers look at it.
 *
 * For GraphQL and WebSockets, the token is that of the HTTP request behind them. Other execution contexts
 * have no request, so they're refused, unless their handler is `@Public()` or a subclass finds the token:
 *
 * @throws {ResourceServerException} the request is refused
 * @example
 * ```ts
 * import { type ExecutionContext, Injectable } from '@nestjs/common';
 * import {
 *   type RequestResponse,
 *   ResourceServerGuard,
 *   ResourceServerModule,
 * } from 'oauth-resource-server/nestjs';
 *
 * @Injectable()
 * class MessageGuard extends ResourceServerGuard {
 *   protected override getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
 *     if (context.getType() !== 'rpc') return super.getRequestResponse(context);
 *     const { authorization } = context.switchToRpc().getData<{ authorization?: unknown }>() ?? {};
 *     return { req: { headers: { authorization } }, res: undefined }; // 'Bearer …'
 *   }
 * }
 *
 * ResourceServerModule.forRoot(options, { guard: MessageGuard });
 * ```
 */
@Injectable()
export class ResourceServerGuard implements CanActivate {
  readonly #gate: Gate;
  readonly #logger: Logger = new Logger(ResourceServerGuard.name);

  constructor(@Inject(RESOURCE_SERVER) server: ResourceServer) {
    this.#gate = new Gate(server);
  }

  /** Whether the handler may run. Refusals over HTTP are thrown. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { isPublic, requirements } = routePolicy(context);
    const found = this.getRequestResponse(context);
    if (found === undefined) return isPublic || this.#refuseUnknown(context);
    const arrival = toArrival(found.req, context);
    if (isPublic) {
      this.#gate.pass(arrival);
      return this.#admit(arrival.message, found, context);
    }
    // No CORS layer comes after a guard, so a preflight is a request like any other.
    return whenSettled(this.#gate.authenticate(arrival, requirements, 'refuse'), (decision) => {
      if (decision.kind !== 'allowed') return this.#refuse(decision, found, context);
      const refusal = checkRequirements(arrival.message, requirements, UNREACHABLE);
      if (refusal !== undefined) return this.#refuse(refusal, found, context);
      if (found.res !== undefined) setHeaders(found.res, decision.headers);
      return this.#admit(arrival.message, found, context);
    });
  }

  /**
   * The request behind an execution context: for HTTP and GraphQL the request itself, for a WebSocket the one
   * that opened it. Undefined if there's none, and the context must be refused. Override it if the token
   * comes with the message, as {@link MessageHeaders}.
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
    return findRequest(context);
  }

  /** In contexts other than HTTP, what the handler receives counts as the request from now on. */
  #admit(message: object, { req }: RequestResponse, context: ExecutionContext): true {
    if (context.getType() !== 'http')
      for (const carrier of [req, ...(carriers(context) ?? [])])
        if (Object.isExtensible(carrier)) standInFor(message, carrier);
    return true;
  }

  #refuse(denied: Denied, { res }: RequestResponse, context: ExecutionContext): Promise<never> {
    if (res !== undefined) setHeaders(res, challengeHeaders(denied.answer));
    if (context.getType() !== 'http') return refuseIn(context.getType(), denied);
    throw new ResourceServerException(denied);
  }

  #refuseUnknown(context: ExecutionContext): false {
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    this.#logger.error(
      `Refused ${handler}: a "${context.getType()}" context has no HTTP request to authenticate. ` +
        'Mark it @Public(), or override getRequestResponse in a subclass of ResourceServerGuard.',
    );
    return false;
  }
}

/**
 * What every `@Require…` decorator binds. It calls the module's guard, so that an override of that guard
 * reaches every route, and an application without the module doesn't start.
 */
@Injectable()
export class RequirementGuard implements CanActivate {
  constructor(@Inject(GUARD) private readonly guard: CanActivate) {}

  canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    // The decorator of a handler binds it to the class, in case another decorator replaces the handler.
    return routePolicy(context).requirements.length === 0 || this.guard.canActivate(context);
  }
}
