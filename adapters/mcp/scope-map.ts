import { type Requirement, type ResourceServer, requirementOfScopes, type Scope } from '../../src/index.js';
import { checkNames } from '../../src/lib/check.js';

/**
 * What opens a tool, a resource or a prompt: a scope, a list of scopes that are all needed, or any
 * requirement, such as `requireAnyScope(…)` from `oauth-resource-server/fetch`. An empty list: every caller
 * with a valid access token.
 */
export type McpRequirement = Scope | readonly Scope[] | Requirement;

/** Requirements by name. A name that ends in `*` is for all that begin with it; the longest match counts. */
export type McpNames = Readonly<Record<string, McpRequirement>>;

/** What each part of an MCP server requires of an access token. */
export interface McpScopeMap {
  /** What every request to the endpoint requires, whatever it does. Default: nothing. */
  readonly every?: McpRequirement;
  /** By name, for `tools/call`. */
  readonly tools?: McpNames;
  /**
   * By URI, for `resources/read`, subscriptions and completions:
   * `{ 'inventory://stock/*': 'read:inventory' }`. Write URIs as `new URL(uri).href` does. Those of templates
   * go here too.
   */
  readonly resources?: McpNames;
  /** By name, for `prompts/get` and completions. */
  readonly prompts?: McpNames;
  /**
   * By method, in addition to the above: `{ 'tasks/get': 'read:inventory' }`. Methods of extensions are
   * refused unless they're here.
   */
  readonly methods?: McpNames;
  /** What anything that isn't in the map requires. Default: it's refused for every caller. */
  readonly default?: McpRequirement;
}

/** The parts of a server that have names. */
export type McpKind = 'tools' | 'resources' | 'prompts' | 'methods';

type Requirements = readonly Requirement[];

const KINDS: readonly McpKind[] = ['tools', 'resources', 'prompts', 'methods'];
/** The host of a URL that has a domain name (URL standard, special schemes), with a user name and a port. */
const HOST = /^[^a-z]*(?:(?:https?|wss?|ftp):[\\/]*|file:[\\/]{2})([^\\/?#]*)/i;
/** What a domain name can have, and each part of it (RFC 1035 §2.3.4). */
const MAX_HOST_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;
const MEMBERS: readonly string[] = ['every', ...KINDS, 'default'];

/** A checked map, for look-ups. */
export class ScopeTable {
  readonly every: Requirements;
  readonly #default: Requirements | undefined;
  readonly #names: ReadonlyMap<McpKind, NameTable>;

  /** @throws {TypeError} the map has an unknown member, or something that isn't a requirement */
  constructor(server: ResourceServer, map: McpScopeMap) {
    checkNames(map, MEMBERS, 'mcpScopes', 'a map');
    const check = (given: McpRequirement, name: string): Requirements => checkRequired(given, name, server);
    this.every = map.every === undefined ? [] : check(map.every, 'every');
    this.#default = map.default === undefined ? undefined : check(map.default, 'default');
    this.#names = new Map(KINDS.map((kind) => [kind, new NameTable(map[kind] ?? {}, kind, check)]));
  }

  /** What a name requires; undefined if it isn't in the map and there's no default, or it isn't a name. */
  find(kind: McpKind, name: string): Requirements | undefined {
    const spellings = kind === 'resources' ? uriSpellings(name) : [name];
    const found = spellings?.map((spelling) => this.#listed(kind, spelling) ?? this.#default);
    return found === undefined || found.includes(undefined)
      ? undefined
      : [...new Set(found.flatMap((one) => one ?? []))];
  }

  /** What a method requires, whatever its target. */
  findMethod(method: string, isKnown: boolean): Requirements | undefined {
    return isKnown ? (this.#listed('methods', method) ?? []) : this.find('methods', method);
  }

  #listed(kind: McpKind, name: string): Requirements | undefined {
    return this.#names.get(kind)?.find(name);
  }
}

class NameTable {
  readonly #exact = new Map<string, Requirements>();
  /** The longest one first. */
  readonly #prefixes: readonly (readonly [prefix: string, requirements: Requirements])[];

  constructor(names: McpNames, kind: McpKind, check: (given: McpRequirement, name: string) => Requirements) {
    const prefixes: [string, Requirements][] = [];
    for (const [name, given] of Object.entries(checkObject(names, kind))) {
      const requirements = check(given, `${kind}[${JSON.stringify(name)}]`);
      if (name.endsWith('*')) prefixes.push([name.slice(0, -1), requirements]);
      else this.#exact.set(name, requirements);
    }
    this.#prefixes = prefixes.sort(([a], [b]) => b.length - a.length);
  }

  find(name: string): Requirements | undefined {
    return this.#exact.get(name) ?? this.#prefixes.find(([prefix]) => name.startsWith(prefix))?.[1];
  }
}

/**
 * The spellings of a URI that servers treat alike: as it came, without percent-encoding, and both as the URL
 * parser writes them. `inventory://h/public/../secret` is a secret too.
 *
 * @returns undefined if the host is longer than any: the URL parser takes minutes for a million letters, and
 *   seconds for a thousand hosts of a thousand
 */
function uriSpellings(uri: string): readonly string[] | undefined {
  const plain = decode(uri);
  if ([uri, plain].some(hasEndlessHost)) return undefined;
  return [...new Set([uri, plain, normalize(uri), normalize(plain)])];
}

function decode(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri; // a % in it encodes nothing, so it cannot be decoded
  }
}

/** As the URL parser finds it: it drops tabs, line breaks, and whatever is invisible in front. */
function hasEndlessHost(uri: string): boolean {
  const [, authority = ''] = HOST.exec(uri.replaceAll(/[\t\r\n]/g, '')) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  return host.length > MAX_HOST_LENGTH || host.split('.').some((label) => label.length > MAX_LABEL_LENGTH);
}

function normalize(uri: string): string {
  try {
    return new URL(uri).href;
  } catch {
    return uri;
  }
}

function checkRequired(given: McpRequirement, name: string, server: ResourceServer): Requirements {
  if (typeof given === 'string') return [requirementOfScopes([given], name)];
  if (isList(given)) return given.length === 0 ? [] : [requirementOfScopes(given, name)];
  checkObject(given, name, 'a scope, a list of scopes or a requirement');
  server.meets(undefined, given); // checks the requirement itself
  return [given];
}

function isList(given: McpRequirement): given is readonly Scope[] {
  return Array.isArray(given);
}

function checkObject<T extends object>(given: T, name: string, takes = 'an object'): T {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given;
  throw new TypeError(`mcpScopes: ${name} takes ${takes}`);
}
