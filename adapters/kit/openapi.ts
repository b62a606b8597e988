import type { Requirement, ResourceServer } from '../../src/index.js';
import { checkNames } from '../../src/lib/check.js';

/**
 * How an OpenAPI 3 document describes where tokens come from. Give exactly one of `tokenUrl` and `issuer`.
 */
export interface OpenApiSecurityOptions {
  /** The token endpoint: the scheme is OAuth 2.0 with the client credentials flow. */
  readonly tokenUrl?: string;
  /** The issuer: the scheme is OpenID Connect, with the issuer's discovery document. */
  readonly issuer?: string;
  /** The scheme's name in `components.securitySchemes`. Default `oauth2`. */
  readonly name?: string;
  /**
   * Descriptions of scopes, by name: `{ 'read:inventory': 'See what is in stock' }`. Default: empty texts.
   */
  readonly scopes?: Readonly<Record<string, string>>;
}

/** What one way to open an operation needs: `{ oauth2: ['read:inventory'] }`; `{}` needs nothing. */
export type SecurityRequirement = Record<string, string[]>;

/** Who may call a route. */
export interface RouteAccess {
  readonly isPublic: boolean;
  /** All that protect it. The last is the one that its requirements belong to. */
  readonly servers: readonly Pick<ResourceServer, 'admitsAnonymous' | 'impliedScopes'>[];
  readonly requirements: readonly Requirement[];
}

const NAMES = ['tokenUrl', 'issuer', 'name', 'scopes'];

/** The security scheme of a document, and what operations need from it. */
export class OpenApiSecurity {
  readonly name: string;
  /** For `components.securitySchemes`. It contains the scopes needed so far. */
  readonly scheme: object;
  readonly #described: Readonly<Record<string, string>>;
  readonly #scopes: Record<string, string> = {};

  /**
   * @param others the names of the adapter's own options
   * @throws {TypeError} an option is unknown, or not exactly one of `tokenUrl` and `issuer` is given
   */
  constructor(options: OpenApiSecurityOptions, ...others: readonly string[]) {
    checkNames(options, [...NAMES, ...others], 'openapiSecurity');
    const { tokenUrl, issuer, name = 'oauth2', scopes = {} } = options;
    if ((tokenUrl === undefined) === (issuer === undefined))
      throw new TypeError('openapiSecurity takes exactly one of tokenUrl and issuer');
    this.name = name;
    this.#described = scopes;
    const openIdConnectUrl = `${issuer?.replace(/\/$/, '')}/.well-known/openid-configuration`;
    this.scheme =
      tokenUrl === undefined
        ? { type: 'openIdConnect', openIdConnectUrl }
        : { type: 'oauth2', flows: { clientCredentials: { tokenUrl, scopes: this.#scopes } } };
  }

  /**
   * The `security` of an operation: each element opens it. It can't express conditions on claims or on the
   * login.
   */
  describe({ isPublic, servers, requirements }: RouteAccess): SecurityRequirement[] {
    if (isPublic) return [];
    const implied = servers.at(-1)?.impliedScopes;
    const choices = requirements.flatMap(({ allScopes = [], anyScope }) => [
      ...allScopes.map((scope) => [scope]),
      ...(anyScope === undefined ? [] : [anyScope]),
    ]);
    let ways: readonly (readonly string[])[] = [[]];
    for (const choice of choices) {
      const opening = choice.flatMap((scope) => [scope, ...(implied?.[scope] ?? [])]);
      ways = shortest(
        ways.flatMap((way) =>
          opening.some((one) => way.includes(one)) ? [way] : opening.map((one) => [...way, one]),
        ),
      );
    }
    for (const scope of ways.flat()) this.#scopes[scope] = this.#described[scope] ?? '';
    const needed = ways.map((way) => ({ [this.name]: [...way] }));
    const isOptional = servers.length > 0 && servers.every(({ admitsAnonymous }) => admitsAnonymous);
    return isOptional && requirements.length === 0 ? [{}, ...needed] : needed;
  }
}

/** Leaves out ways that need everything another way needs, and more. */
function shortest(ways: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return ways.filter((way, index) =>
    ways.every((other, place) => {
      const isContained = other.every((scope) => way.includes(scope));
      return !isContained || other.length > way.length || (other.length === way.length && place >= index);
    }),
  );
}
