export type { Auth, Requirement, ResourceServer, Scope } from '../../src/index.js';
export { getAuth } from '../kit/index.js';
export { type McpScopes, mcpScopes } from './mcp-scopes.js';
export type { McpKind, McpNames, McpRequirement, McpScopeMap } from './scope-map.js';
