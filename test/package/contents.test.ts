import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { anchorsOf, localLinksOf, type Page } from '../docs/markdown.js';
import { type App, installApp } from './support/app.js';
import {
  exportedNames,
  listFiles,
  type Manifest,
  modulesOf,
  readManifest,
} from './support/package-contents.js';
import { runNpm } from './support/run.js';

/** Files of the development issuer's page, which need no build. */
const PAGE = 'tools/dev-issuer/page';

/** What is read of a bill of materials in the form of CycloneDX. */
interface Bill {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly { readonly name: string; readonly hashes?: readonly unknown[] }[];
}

/** They link to tests, and are for those who change the package. */
const NOT_PACKED_PAGES = /^(?:requirements\.md$|decisions\/)/;
/** The demo runs only in a clone, and what builds and installations leave isn't ours. */
const NOT_PACKED_EXAMPLES =
  /^(?:demo|dist)\/|\/node_modules\/|\/\.next\/|(?:package-lock|tsconfig)\.json$|\/\.(?:gitignore|npmrc)$/;

const checkout = fileURLToPath(new URL('../../', import.meta.url));

describe('the packed package, installed on its own', () => {
  let app: App;
  let folder: string;
  let files: readonly string[];
  let manifest: Manifest;

  beforeAll(async () => {
    app = await installApp('bare');
    folder = join(app.folder, 'node_modules/oauth-resource-server');
    files = await listFiles(folder);
    manifest = await readManifest(folder);
  });

  it('contains the build, its documents and examples, nothing else', async () => {
    const pages = (await listFiles(join(checkout, 'docs'))).filter((file) => !NOT_PACKED_PAGES.test(file));
    const examples = (await listFiles(join(checkout, 'examples'))).filter(
      (file) => !NOT_PACKED_EXAMPLES.test(file),
    );
    expect(files.filter((file) => !file.startsWith('dist/'))).toEqual(
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
        ...pages.map((file) => `docs/${file}`),
        ...examples.map((file) => `examples/${file}`),
      ].sort(),
    );
  });

  it('contains every file and heading that its documents link to', async () => {
    const documents = files.filter((file) => /\.md$/.test(file));
    expect(documents.length).toBeGreaterThan(30);
    const pages = new Map<string, Page>();
    for (const path of documents) pages.set(path, { path, text: await readFile(join(folder, path), 'utf8') });
    const broken = [...pages.values()].flatMap((page) =>
      localLinksOf(page)
        .filter(({ target, anchor }) => {
          const path = target === '' ? page.path : posix.join(posix.dirname(page.path), target);
          const to = pages.get(path);
          if (to !== undefined) return anchor !== '' && !anchorsOf(to).has(anchor);
          return !files.some((file) => file === path || file.startsWith(`${path}/`));
        })
        .map(({ target, anchor }) => `${page.path}: ${target}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  it('has no source maps, and no file that names one', async () => {
    expect(files.filter((file) => file.endsWith('.map'))).toEqual([]);
    for (const file of files.filter((name) => /\.(?:js|ts|css)$/.test(name)))
      expect(await readFile(join(folder, file), 'utf8'), file).not.toContain('sourceMappingURL');
  });

  it('contains a module for each source, and its declarations, nothing else', async () => {
    const sources = (await Promise.all(['src', 'adapters', 'tools'].map(sourcesIn))).flat();
    const built = sources.flatMap((source) =>
      // Nothing exported needs the types of the programs.
      (source.startsWith('tools/') ? ['.js'] : ['.d.ts', '.js']).map(
        (extension) => `dist/${source.replace(/\.ts$/, extension)}`,
      ),
    );
    const page = (await readdir(join(checkout, PAGE))).map((file) => `dist/${PAGE}/${file}`);
    expect(files.filter((file) => file.startsWith('dist/'))).toEqual([...built, ...page].sort());
  });

  it('names no folder of the machine that built it', async () => {
    for (const file of files) {
      const text = await readFile(join(folder, file), 'utf8');
      expect(text.includes(checkout) || text.includes(inject('workFolder')), file).toBe(false);
    }
  });

  it('has one program, which is among its files', () => {
    expect(manifest.bin).toEqual({ 'oauth-resource-server': './dist/tools/cli/main.js' });
    expect(files).toContain('dist/tools/cli/main.js');
  });

  it('exports these modules, each with its types', () => {
    expect(Object.keys(manifest.exports)).toMatchInlineSnapshot(`
      [
        ".",
        "./adapter",
        "./express",
        "./express/types",
        "./fastify",
        "./fetch",
        "./hono",
        "./mcp",
        "./grpc",
        "./nestjs",
        "./client",
        "./opentelemetry",
        "./redis",
        "./testing",
        "./websocket",
        "./package.json",
      ]
    `);
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : [target.types, target.default],
    );
    expect(files).toEqual(expect.arrayContaining(targets.map((target) => target.replace('./', ''))));
  });

  it('exports these names', async () => {
    const names: Record<string, readonly string[]> = {};
    for (const { name, types } of modulesOf(manifest)) names[name] = await exportedNames(join(folder, types));
    expect(names).toMatchInlineSnapshot(`
      {
        "oauth-resource-server": [
          "type AccessToken",
          "type Actor",
          "adfs",
          "type Algorithm",
          "type Allowed",
          "type Answer",
          "type AnswerBody",
          "type AnswerHeaders",
          "answerMetadata",
          "type Auth",
          "auth0",
          "type AuthenticationMethod",
          "type AuthenticationOptions",
          "type AuthenticationRequirement",
          "authentik",
          "type AuthorizationDetail",
          "authorizationDetailsOf",
          "type AuthorizationDetailsPredicate",
          "BadGatewayError",
          "type BadGatewayReason",
          "type BearerMethod",
          "type CertificateFiles",
          "type CertificateHeaderForm",
          "type CertificateOption",
          "type CertificatePem",
          "channels",
          "type ClaimsPredicate",
          "clerk",
          "type ClientAuthenticationOptions",
          "type ClientSource",
          "cognito",
          "createMemoryReplayStore",
          "createResourceServer",
          "type Decision",
          "type DecisionMessage",
          "type Denied",
          "type DpopNonceOptions",
          "type DpopOptions",
          "entraId",
          "entraIdMultiTenant",
          "entraWorkloads",
          "type ErrorCode",
          "errorKind",
          "type FetchConnection",
          "FetchRequestView",
          "type FrameworkRequest",
          "githubActions",
          "google",
          "InsufficientScopeError",
          "type InsufficientScopeReason",
          "InsufficientUserAuthenticationError",
          "type InsufficientUserAuthenticationReason",
          "type Introspect",
          "type IntrospectedTokens",
          "type IntrospectionEndpointOptions",
          "type IntrospectionFunctionOptions",
          "type IntrospectionMessage",
          "type IntrospectionOptions",
          "type IntrospectionPolicyOptions",
          "InvalidProofError",
          "type InvalidProofReason",
          "InvalidRequestError",
          "type InvalidRequestReason",
          "InvalidTokenError",
          "type InvalidTokenReason",
          "isAuth",
          "isCorsPreflight",
          "isResourceServer",
          "isResourceServerError",
          "type IssuerResolver",
          "type JoseHeader",
          "type JSONWebKeySet",
          "keycloak",
          "type KeysMessage",
          "type KeysOptions",
          "kindOf",
          "kubernetes",
          "logRefusals",
          "type LogRefusalsOptions",
          "type McpAuthInfo",
          "type MemoryReplayStoreOptions",
          "type MetadataSigner",
          "type MtlsProxyOptions",
          "NodeRequestView",
          "okta",
          "ory",
          "pingFederate",
          "pingOne",
          "type PresetOverrides",
          "readForm",
          "readJson",
          "type Reason",
          "reasons",
          "type RefusalLogger",
          "type Register",
          "type RegisteredClaims",
          "type ReplayStore",
          "type RequestLike",
          "type RequestView",
          "type Requirement",
          "requirementOfAnyScope",
          "requirementOfAuthentication",
          "requirementOfAuthorizationDetails",
          "requirementOfClaims",
          "requirementOfScopes",
          "type ResourceMetadata",
          "type ResourceMetadataDocument",
          "type ResourceOptions",
          "type ResourceServer",
          "ResourceServerError",
          "type ResourceServerOptions",
          "type Scope",
          "type ScopeClaim",
          "type StandardClaims",
          "toHeaders",
          "type TokenType",
          "toMcpAuthInfo",
          "toResponse",
          "type TrustedIssuer",
          "UnavailableError",
          "type UnavailableReason",
          "viewRequest",
          "type WantedMember",
          "type WarningMessage",
          "type Workload",
          "type Workloads",
          "type WrappedRequest",
          "xsuaa",
          "type XsuaaBinding",
          "zitadel",
        ],
        "oauth-resource-server/adapter": [
          "answerUpgrade",
          "type Arrival",
          "arrivedView",
          "type Caller",
          "challengeHeaders",
          "checkFirstMessage",
          "checkRequirements",
          "type Connection",
          "ConnectionGate",
          "type ConnectionOptions",
          "connectRequestView",
          "type Declaration",
          "declare",
          "declared",
          "denyRequest",
          "enforceRequirements",
          "type Entered",
          "type EntranceOptions",
          "type FetchArrival",
          "FetchEntrance",
          "type FetchOptions",
          "fieldLines",
          "findAuth",
          "type FirstMessageOptions",
          "Gate",
          "getAuth",
          "type Line",
          "metadataResponse",
          "type Mistake",
          "type Next",
          "type OpenedSocket",
          "proceed",
          "publishedBy",
          "type Refusal",
          "type RefusalLog",
          "refuse",
          "type Reply",
          "replyOf",
          "requirementFamily",
          "type RequirementFamily",
          "requireMetadata",
          "respond",
          "RouteSteps",
          "seemsToHaveToken",
          "sendAnswer",
          "serveMetadata",
          "setHeaders",
          "type SocketIoSocket",
          "standInFor",
          "type Step",
          "toHeaders",
          "tokenFromSubprotocol",
          "tokenView",
          "toResponse",
          "warnOfBug",
          "type WebSocketLike",
          "type WebSocketOptions",
          "type WebSocketServerLike",
          "whenSettled",
          "withHeaders",
        ],
        "oauth-resource-server/client": [
          "type Algorithm as AssertionAlgorithm",
          "type ApiAnswer",
          "type ApiClient",
          "type AssertionSigner",
          "type AssertionSource",
          "type AuthenticationMethod",
          "type CertificateFiles",
          "type CertificateOption",
          "type CertificatePem",
          "type ClientAuthenticationOptions",
          "clientChannel",
          "type ClientCredentials",
          "type ClientCredentialsOptions",
          "type ClientDpopOptions",
          "type ClientMessage",
          "type ClientOptions",
          "createClientCredentials",
          "createJwtBearer",
          "createTokenExchange",
          "type DpopKeyPair",
          "type ExchangeTarget",
          "type GetTokenOptions",
          "type GrantedToken",
          "type HeadersRequest",
          "isTokenRequestError",
          "type JwtBearerOptions",
          "type PrivateKey",
          "type Scheme",
          "type SubjectToken",
          "type TokenExchange",
          "type TokenExchangeOptions",
          "type TokenHeaders",
          "TokenRequestError",
          "type TokenRequestReason",
          "tokenRequestReasons",
          "type TokenType",
          "toResourceServerError",
        ],
        "oauth-resource-server/express": [
          "type Auth",
          "type Auth as RequestAuth",
          "authenticate",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "deny",
          "type ExpressOpenApiOptions",
          "getAuth",
          "type Middleware",
          "type OpenApiDocument",
          "openapiSecurity",
          "type OpenApiSecurityOptions",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "requireScope",
          "resourceMetadata",
          "type ResourceOptions",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
          "type SecuredDocument",
          "type SecurityRequirement",
        ],
        "oauth-resource-server/express/types": [],
        "oauth-resource-server/fastify": [
          "type Auth",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "deny",
          "getAuth",
          "openapiSecurity",
          "type OpenApiSecurityOptions",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "type RequirementHook",
          "requireScope",
          "resourceMetadata",
          "type ResourceOptions",
          "resourceServer",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
          "type SecurityRequirement",
          "type TransformInput",
          "type TransformOutput",
        ],
        "oauth-resource-server/fetch": [
          "type Auth",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "deny",
          "type FetchConnection",
          "type FetchGate",
          "type FetchOptions",
          "getAuth",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "type Requirement",
          "requireScope",
          "type ResourceOptions",
          "resourceServer",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
        ],
        "oauth-resource-server/grpc": [
          "type Auth",
          "authenticate",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "deny",
          "getAuth",
          "type GrpcOptions",
          "type MethodAccess",
          "type Methods",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "type Requirement",
          "requireScope",
          "type ResourceOptions",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
        ],
        "oauth-resource-server/hono": [
          "type Auth",
          "authenticate",
          "type AuthenticationOptions",
          "type AuthEnv",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "deny",
          "type FetchConnection",
          "type FetchOptions",
          "getAuth",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "type Requirement",
          "requireScope",
          "resourceMetadata",
          "type ResourceOptions",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
        ],
        "oauth-resource-server/mcp": [
          "type Auth",
          "getAuth",
          "type McpKind",
          "type McpNames",
          "type McpRequirement",
          "type McpScopeMap",
          "mcpScopes",
          "type McpScopes",
          "type Requirement",
          "type ResourceServer",
          "type Scope",
        ],
        "oauth-resource-server/nestjs": [
          "Auth",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "type FakeCaller",
          "fakeResourceServer",
          "getAuth",
          "type MessageHeaders",
          "type OpenApiDocument",
          "openapiSecurity",
          "type OpenApiSecurityOptions",
          "type PlatformRequest",
          "type ProviderContainer",
          "Public",
          "type Register",
          "type Reply as PlatformResponse",
          "type RequestResponse",
          "RequireAnyScope",
          "RequireAuthentication",
          "RequireAuthorizationDetails",
          "RequireClaims",
          "RequireScope",
          "RESOURCE_SERVER",
          "type ResourceOptions",
          "type ResourceServer",
          "ResourceServerException",
          "ResourceServerExceptionFilter",
          "ResourceServerGuard",
          "ResourceServerModule",
          "type ResourceServerModuleAsyncOptions",
          "type ResourceServerModuleExtras",
          "type ResourceServerModuleOptions",
          "type ResourceServerOptions",
          "type ResourceServerOptionsFactory",
          "type Scope",
          "type SecurityRequirement",
        ],
        "oauth-resource-server/opentelemetry": [
          "recordTelemetry",
          "type TelemetryOptions",
        ],
        "oauth-resource-server/redis": [
          "createRedisReplayStore",
          "type RedisClient",
          "type RedisReplayStoreOptions",
          "type RedisSetOptions",
          "type ReplayStore",
        ],
        "oauth-resource-server/testing": [
          "adapterContract",
          "type AdapterContract",
          "type AskedIssuer",
          "type AssertionIssuerOptions",
          "assertRefusesForgeries",
          "type BoundProofRequest",
          "type ClientCertificate",
          "type ClientCertificateOptions",
          "type ContractConfiguration",
          "type ContractOptions",
          "type ContractReport",
          "type ContractServer",
          "type ContractSettings",
          "type ContractTest",
          "createClientCertificate",
          "createDpopKey",
          "createServerCertificate",
          "createTestIssuer",
          "type DpopKey",
          "type DpopKeyOptions",
          "fakeAuth",
          "type FakeAuthOptions",
          "type FakeCaller",
          "fakeResourceServer",
          "type Forgery",
          "type ForgeryAnswer",
          "type ForgeryReason",
          "type GrantType",
          "type IssuerPath",
          "type IssuerSwitches",
          "type LeftOutRow",
          "type ListeningIssuer",
          "type ListeningMtls",
          "type ListenMtlsOptions",
          "type ListenOptions",
          "type NextResponseOptions",
          "nodeHeaders",
          "type OpaqueTokenIssuer",
          "type ProofReport",
          "type ProofRequest",
          "prove",
          "proveAdapter",
          "type ProvenRoute",
          "type ProveOptions",
          "type RouteSample",
          "type ServerCertificate",
          "type ServerCertificateOptions",
          "type StartContractServer",
          "type TestClientOptions",
          "type TestIssuer",
          "type TestIssuerOptions",
          "type TlsClientAuthOptions",
          "type TokenClaims",
          "type TokenClientOptions",
          "type TokenHeader",
          "type TokenIssuer",
          "type TrustOptions",
          "type Workload",
        ],
        "oauth-resource-server/websocket": [
          "type Auth",
          "type AuthenticationOptions",
          "type AuthorizationDetail",
          "type AuthorizationDetailsPredicate",
          "type ClaimsPredicate",
          "type Connection",
          "type Decision",
          "type FirstMessageOptions",
          "getAuth",
          "type OpenedSocket",
          "type Register",
          "requireAnyScope",
          "requireAuthentication",
          "requireAuthorizationDetails",
          "requireClaims",
          "type Requirement",
          "requireScope",
          "type ResourceOptions",
          "type ResourceServer",
          "type ResourceServerOptions",
          "type Scope",
          "type SocketIoSocket",
          "tokenFromSubprotocol",
          "WebSocketGate",
          "type WebSocketLike",
          "type WebSocketOptions",
          "type WebSocketServerLike",
        ],
      }
    `);
  });

  it('runs no script when it is installed', () => {
    const atInstall = ['preinstall', 'install', 'postinstall', 'prepare'];
    expect(Object.keys(manifest.scripts).filter((name) => atInstall.includes(name))).toEqual([]);
  });

  it('brings three dependencies and no framework', async () => {
    const installed = await readdir(join(app.folder, 'node_modules'));
    expect(installed.filter((name) => !name.startsWith('.')).sort()).toEqual([
      'fastify-plugin',
      'jose',
      'oauth-resource-server',
      'oauth4webapi',
    ]);
  });

  it('has a bill of materials of exactly that, with digests, the same each time', async () => {
    const buildBill = () => runNpm(['run', '--silent', 'sbom'], { cwd: checkout });
    const { stdout } = await buildBill();
    const bill: Bill = JSON.parse(stdout);
    expect(bill.bomFormat).toBe('CycloneDX');
    expect(bill.metadata.component).toMatchObject({ name: manifest.name, version: manifest.version });
    const installed = await readdir(join(app.folder, 'node_modules'));
    const names = bill.components.map(({ name }) => name);
    expect([...names, manifest.name].sort()).toEqual(
      installed.filter((name) => !name.startsWith('.')).sort(),
    );
    expect(bill.components.filter(({ hashes = [] }) => hashes.length === 0)).toEqual([]);
    expect((await buildBill()).stdout).toBe(stdout);
  });

  it('takes 2.5 MB at most with what it brings, and 0.9 MB for documents and examples', async () => {
    const modules = join(app.folder, 'node_modules');
    const sizes = { code: 0, documents: 0 };
    for (const file of await listFiles(modules)) {
      const kind = /^oauth-resource-server\/(?:docs|examples)\//.test(file) ? 'documents' : 'code';
      sizes[kind] += (await stat(join(modules, file))).size;
    }
    expect(sizes.code).toBeGreaterThan(1_000_000);
    expect(sizes.code).toBeLessThan(2_500_000);
    expect(sizes.documents).toBeGreaterThan(500_000);
    expect(sizes.documents).toBeLessThan(900_000);
  });

  it('has a core, a client, a testing kit, gates, and middlewares that need no framework', async () => {
    const modules = [
      'oauth-resource-server',
      'oauth-resource-server/client',
      'oauth-resource-server/redis',
      'oauth-resource-server/testing',
      'oauth-resource-server/express',
      'oauth-resource-server/fetch',
      'oauth-resource-server/hono',
    ];
    for (const module of modules) await app.node(['--input-type=module', '-e', `import '${module}'`]);
  });
});

async function sourcesIn(folder: string): Promise<readonly string[]> {
  const files = await listFiles(join(checkout, folder));
  return files.filter((file) => file.endsWith('.ts')).map((file) => `${folder}/${file}`);
}
