import { type CanActivate, type ExecutionContext, Inject, Injectable, Logger } from '@nestjs/common';
import type { Denied, ResourceServer } from '../../src/index.js';
import {
  challengeHeaders,
  checkRequirements,
  Gate,
  setHeaders,
  standInFor,
  whenSettled,
} from '../kit/index.js';
import { AnsweredException, ResourceServerException, refuseIn } from './exception.js';
import { carriers, findRequest, type RequestResponse, toArrival } from './platform.js';
import { routePolicy } from './route-policy.js';

/** Injects the {@link ResourceServer} that the module made or was given: `@Inject(RESOURCE_SERVER)`. */
export const RESOURCE_SERVER: unique symbol = Symbol('RESOURCE_SERVER of ResourceServerModule.forRoot()');

/** The guard that the module uses: its own class, a subclass, or what a test put in its place. */
export const GUARD: unique symbol = Symbol('guard of ResourceServerModule.forRoot()');

/**
 * Lets a request reach its handler when it carries a valid access token that meets the requirements of class
 * and handler. `ResourceServerModule` makes it a global guard, and every `@Require…` decorator asks it once
 * more, so that an application without the module fails at start. A request is authenticated once, however
 * many guards and resolvers look at it.
 *
 * Execution contexts other than HTTP are refused, unless their handler is `@Public()` or a subclass finds the
 * request:
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
 * class GraphqlGuard extends ResourceServerGuard {
 *   protected override getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
 *     if (context.getType<string>() !== 'graphql') return super.getRequestResponse(context);
 *     return context.getArgByIndex<RequestResponse>(2); // what `context` of the GraphQL module returned
 *   }
 * }
 *
 * ResourceServerModule.forRoot(options, { guard: GraphqlGuard });
 * ```
 */
@Injectable()
export class ResourceServerGuard implements CanActivate {
  readonly #gate: Gate;
  readonly #logger: Logger = new Logger(ResourceServerGuard.name);

  constructor(@Inject(RESOURCE_SERVER) server: ResourceServer) {
    this.#gate = new Gate(server);
  }

  /** Whether the handler may run; a refusal over HTTP is thrown. */
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
      if (decision.kind === 'denied') return this.#refuse(decision, found, context);
      const refusal = checkRequirements(arrival.message, requirements, NEVER_NEEDED);
      if (refusal !== undefined) return this.#refuse(refusal, found, context);
      if (found.res !== undefined) setHeaders(found.res, decision.headers);
      return this.#admit(arrival.message, found, context);
    });
  }

  /**
   * What stands for the request behind an execution context, or undefined if there is none and it must be
   * refused: of HTTP and GraphQL the request, of a WebSocket the one that opened it. Override it where the
   * token comes with the message, as {@link MessageHeaders}.
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
    return findRequest(context);
  }

  /** In a context other than HTTP, what the handler has counts as the request from now on. */
  #admit(message: object, { req }: RequestResponse, context: ExecutionContext): true {
    if (context.getType() !== 'http')
      for (const carrier of [req, ...(carriers(context) ?? [])])
        if (Object.isExtensible(carrier)) standInFor(message, carrier);
    return true;
  }

  #refuse(denied: Denied, { res }: RequestResponse, context: ExecutionContext): Promise<never> {
    if (res !== undefined) setHeaders(res, challengeHeaders(denied.answer));
    if (context.getType() !== 'http') return refuseIn(context.getType(), denied);
    throw new (this.#gate.server.errors === 'next' ? ResourceServerException : AnsweredException)(denied);
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

/** The advice for requests that nothing authenticated: the guard did, a line before. */
const NEVER_NEEDED = { name: 'ResourceServerGuard', advice: '' };

/**
 * What every `@Require…` decorator binds. It asks the module's guard, so that an override of that one reaches
 * every route, and an application without the module doesn't start.
 */
@Injectable()
export class RequirementGuard implements CanActivate {
  constructor(@Inject(GUARD) private readonly guard: CanActivate) {}

  canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    // A decorator of one handler binds it to the class, in case another one replaces that handler.
    return routePolicy(context).requirements.length === 0 || this.guard.canActivate(context);
  }
}
