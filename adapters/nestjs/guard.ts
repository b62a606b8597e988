import { type CanActivate, type ExecutionContext, Inject, Injectable, Logger } from '@nestjs/common';
import type { AnswerHeaders, Decision, Denied, ResourceServer } from '../../src/index.js';
import { AnsweredException, ResourceServerException } from './exception.js';
import { GUARD, RESOURCE_SERVER } from './module-options.js';
import {
  messageOf,
  type PlatformRequest,
  type PlatformResponse,
  setHeaders,
  viewPlatformRequest,
} from './platform.js';
import { type RoutePolicy, routePolicyOf } from './route-policy.js';

/** The platform's request and response, as {@link ResourceServerGuard} finds them in an execution context. */
export interface RequestResponse {
  readonly req: PlatformRequest;
  /** Undefined where there is none to set header fields on. */
  readonly res: PlatformResponse | undefined;
}

interface Authentication {
  readonly server: ResourceServer;
  readonly decision: Decision | Promise<Decision>;
}

/** Keyed by objects that only the process itself holds: nothing that a client sends can stand in for an entry. */
const authentications = new WeakMap<object, Authentication>();
const admissions = new WeakMap<ExecutionContext, ResourceServer>();

/**
 * Lets a request reach its handler when it carries a valid access token that meets the requirements of class and handler.
 * `ResourceServerModule` makes it a global guard, and every `@Require…` decorator asks it once more, so that an application
 * without the module fails at start. A request is authenticated once, however many guards and resolvers look at it.
 *
 * Execution contexts other than HTTP are refused, unless their handler is `@Public()` or a subclass finds the request:
 *
 * @throws {ResourceServerException} the request is refused
 * @example
 * ```ts
 * class GraphqlGuard extends ResourceServerGuard {
 *   protected override getRequestResponse(context: ExecutionContext) {
 *     if (context.getType<GqlContextType>() !== 'graphql') return super.getRequestResponse(context);
 *     const { req } = GqlExecutionContext.create(context).getContext();
 *     return { req, res: req.res };
 *   }
 * }
 * // ResourceServerModule.forRoot(options, { guard: GraphqlGuard })
 * ```
 */
@Injectable()
export class ResourceServerGuard implements CanActivate {
  readonly #server: ResourceServer;
  readonly #logger: Logger = new Logger(ResourceServerGuard.name);

  constructor(@Inject(RESOURCE_SERVER) server: ResourceServer) {
    this.#server = server;
  }

  /** Whether the handler may run; a refusal over HTTP is thrown. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (admissions.get(context) === this.#server) return true; // by the global guard, in the same run of guards
    const policy = routePolicyOf(context);
    const found = this.getRequestResponse(context);
    if (found === undefined) return policy.isPublic || this.#refuseUnknown(context);
    const decision = this.#authenticate(found.req, policy);
    if (decision === undefined) return true;
    const admit = (settled: Decision): boolean => this.#admit(context, policy, settled, found);
    return decision instanceof Promise ? decision.then(admit) : admit(decision);
  }

  /**
   * The HTTP request and response behind an execution context, or undefined when there are none and it must be refused.
   * Override it for contexts such as GraphQL's.
   */
  protected getRequestResponse(context: ExecutionContext): RequestResponse | undefined {
    if (context.getType() !== 'http') return undefined;
    const http = context.switchToHttp();
    return { req: http.getRequest<PlatformRequest>(), res: http.getResponse<PlatformResponse>() };
  }

  /** The decision about the request, made once for all guards; undefined where none is wanted. */
  #authenticate(
    request: PlatformRequest,
    { isPublic, requirements }: RoutePolicy,
  ): Decision | Promise<Decision> | undefined {
    const known = authentications.get(messageOf(request));
    if (known?.server === this.#server) return isPublic ? undefined : known.decision;
    request.auth = undefined; // whatever a middleware put there
    if (isPublic) return undefined;
    const decision = this.#server.authenticate(viewPlatformRequest(request), requirements);
    authentications.set(messageOf(request), { server: this.#server, decision });
    return decision;
  }

  #admit(context: ExecutionContext, policy: RoutePolicy, decision: Decision, found: RequestResponse): true {
    if (decision.kind === 'denied') return this.#refuse(decision, found.res);
    for (const requirement of policy.requirements) {
      const authorization = this.#server.authorize(decision.auth, requirement);
      if (authorization.kind === 'denied') return this.#refuse(authorization, found.res);
    }
    if (decision.headers !== undefined && found.res !== undefined) setHeaders(found.res, decision.headers);
    found.req.auth = decision.auth;
    admissions.set(context, this.#server);
    return true;
  }

  #refuse(denied: Denied, response: PlatformResponse | undefined): never {
    if (response !== undefined) setHeaders(response, challengeOf(denied));
    if (this.#server.errors === 'next') throw new ResourceServerException(denied);
    throw new AnsweredException(denied);
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
 * What every `@Require…` decorator binds: it asks the module's guard, so that an override of that one provider holds everywhere, and that an application
 * without the module does not start.
 */
@Injectable()
export class RequirementGuard implements CanActivate {
  readonly #guard: CanActivate;

  constructor(@Inject(GUARD) guard: CanActivate) {
    this.#guard = guard;
  }

  canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    return this.#guard.canActivate(context);
  }
}

/** The header fields of the answer but for those of its body, which are for the exception filter to write. */
function challengeOf({ answer }: Denied): AnswerHeaders {
  return Object.fromEntries(
    Object.entries(answer.headers).filter(([name]) => !name.toLowerCase().startsWith('content-')),
  );
}
