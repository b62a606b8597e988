/** A change of the text of an application, and what it does. */
export interface Mutant {
  readonly name: string;
  readonly source: string;
}

/** A whole call of the family, without what's around it. */
const CALL = String.raw`(?:@?[Rr]equire\w+\((?:[^()]|\([^()]*\))*\)|acme|recent)`;
/** A line that declares a route, in Express and Fastify. */
const ROUTE = String.raw`^ *\w+\.(?:get|post|put|delete|all|route)\(.*\);\n`;
const SCOPE = String.raw`'(?:(?:read|write):\w+|admin)'`;

type Operator = readonly [name: string, pattern: string, replacement: string | ((text: string) => string)];

/** What anyone could do by mistake: each is applied at every place where it fits. */
const COMMON: readonly Operator[] = [
  ['asks for another scope', `(?<=[Rr]equire[^/\n]*)${SCOPE}`, "'other:scope'"],
  ['asks for one scope more', `(?<=[Rr]equire[^/\n]*)${SCOPE}`, (scope) => `${scope}, 'one:more'`],
  ['asks for one scope less', `(?<=[Rr]equire\\w*Scope\\()${SCOPE}, `, ''],
  ['asks for one scope less', `(?<=[Rr]equire\\w*Scope\\(${SCOPE}), ${SCOPE}`, ''],
  ['takes any of the scopes', `[Rr]equireScope(?=\\(${SCOPE},)`, (call) => call.replace('Scope', 'AnyScope')],
  [
    'takes another scope instead',
    `[Rr]equireScope\\(${SCOPE}(?=\\))`,
    (call) => `${call.replace('Scope', 'AnyScope')}, 'other'`,
  ],
  ['wants all of the scopes', '[Rr]equireAnyScope', (call) => call.replace('Any', '')],
  ['takes an older login', 'maxAgeSeconds: 300', 'maxAgeSeconds: 3000'],
  ['forgets the scopes of a login', `, scopes: \\[[^\\]]*\\]`, ''],
  ['turns a condition around', "=== 'acme'", "!== 'acme'"],
  ['has a condition that is always met', "claims\\.tenant === 'acme'", 'claims !== undefined'],
  ['has a condition that is never met', "claims\\.tenant === 'acme'", 'claims === undefined'],
  ['takes any tenant', "=== 'acme'", '!== undefined'],
  [
    'lets anonymous requests in',
    '(?<=(?:authenticate\\(|resourceServer, |forRoot\\())options',
    '{ ...options, optional: true }',
  ],
  [
    'is another API',
    '(?<=(?:authenticate\\(|resourceServer, |forRoot\\())options',
    "{ ...options, audience: 'https://other.example' }",
  ],
  [
    'is another API, too',
    '(?<=(?:authenticate\\(|resourceServer, |forRoot\\())options',
    "{ ...options, audience: [options.audience, 'https://other-api.example'].flat() }",
  ],
  [
    'takes ID tokens',
    '(?<=(?:authenticate\\(|resourceServer, |forRoot\\())options',
    '{ ...options, issuer: { ...options.issuer, isAccessToken: () => true } }',
  ],
  [
    'trusts another issuer only',
    '(?<=(?:authenticate\\(|resourceServer, |forRoot\\())options',
    "{ ...options, issuer: { ...options.issuer, issuer: 'https://other.example' } }",
  ],
];

const ROUTERS: readonly Operator[] = [
  ['forgets a route', ROUTE, ''],
  [
    'puts a handler first',
    // The first of several asks for all, so only one that stands alone can be put behind.
    `(?<='\\/[^']*', )${CALL}, handle(?=\\))`,
    (text) => `handle, ${text.slice(0, -', handle'.length)}`,
  ],
  [
    'has one route more',
    ROUTE,
    (line) => line + line.replace(/'\/[^']*'/, "'/more'").replace(new RegExp(`, ${CALL}`, 'g'), ''),
  ],
  ['changes a method', String.raw`(?<=^ *\w+\.)put(?=\()`, 'post'],
  ['renames a path', String.raw`(?<=^ *\w+\.\w+\()'\/[a-z]`, (text) => `${text}x`],
];

export function expressMutants(source: string): readonly Mutant[] {
  const [above = '', below = ''] = source.split(/(?= {2}app\.use\(authenticate)/);
  const [gate = '', ...rest] = below.split('\n');
  const moved = rest.flatMap((line, index) =>
    /^ {2}app\.(get|put)\(/.test(line) || /^ {2}app\.use\('\/admin'/.test(line)
      ? [{ name: `moves up: ${line.trim()}`, source: moveUp(above, gate, rest, index) }]
      : [],
  );
  return [
    ...apply(source, [
      ...COMMON,
      ...ROUTERS,
      ['drops a guard', `, ${CALL}`, ''],
      ['drops the guard of a router', '^ *admin\\.use\\(require.*\\n', ''],
      ['drops authentication', '^.*authenticate\\(options.*\\n', ''],
      [
        'guards a router too late',
        '^ *(admin\\.use\\(require.*)\\n([sS]*?)(?= *app\\.use\\(./admin)',
        (text) => text.replace(/^( *admin\.use.*\n)([\s\S]*)$/, '$2$1'),
      ],
    ]),
    ...moved,
  ];
}

/** A line that comes after the authentication comes before it. Of a router, everything that makes it. */
function moveUp(above: string, gate: string, rest: readonly string[], index: number): string {
  const isRouter = rest[index]?.includes("'/admin'") === true;
  const start = isRouter ? rest.findIndex((line) => line.includes('const admin')) : index;
  const moved = rest.slice(start, index + 1);
  const others = [...rest.slice(0, start), ...rest.slice(index + 1)];
  return [above + moved.join('\n'), gate, ...others].join('\n');
}

export function fastifyMutants(source: string): readonly Mutant[] {
  const unprotected = source.match(/^ {4}scope\.(?:get|put)\(.*\n/gm) ?? [];
  const moved = unprotected
    .filter((line) => !line.includes('public'))
    .map((line) => ({
      name: `moves out: ${line.trim()}`,
      source: source.replace(line, '').replace(/(?= {4}open\.get)/, () => line.replace('scope.', 'open.')),
    }));
  return [
    ...apply(source, [
      ...COMMON,
      ...ROUTERS.filter(([name]) => name !== 'puts a handler first'),
      ['drops a guard', `\\{ (?:onRequest|preHandler): (?:${CALL}|\\[.*?\\)\\]) \\}, `, ''],
      ['drops a guard of two', `\\[${CALL}, `, '['],
      ['drops a guard of two', `, ${CALL}\\]`, ']'],
      ['drops the guard of a plugin', '^ *admin\\.addHook.*\\n', ''],
      ['drops authentication', '^.*register\\(resourceServer.*\\n', ''],
      ['opens a route', '\\{ (?=onRequest|preHandler)', '{ config: { public: true }, '],
      ['opens a route', "(?<=scope\\.get\\('/me', )", '{ config: { public: true } }, '],
      ['closes a public route', '\\{ config: \\{ public: true \\} \\}, ', ''],
      ['guards in another plugin', 'admin\\.addHook', 'app.addHook'],
    ]),
    ...moved,
  ];
}

export function nestMutants(source: string): readonly Mutant[] {
  return apply(source, [
    ...COMMON,
    ['drops a guard', `^ *${CALL}\\n`, ''],
    [
      'opens a handler',
      String.raw`^  @(?:Get|All|Put|Post|Delete)\(.*\)\n(?!  @)`,
      (text) => `${text}  @Public()\n`,
    ],
    ['opens every handler of a class', String.raw`^@Controller\(\)\n`, (text) => `${text}@Public()\n`],
    ['closes a handler', '^ *@Public\\(\\)\\n', ''],
    ['renames a path', String.raw`(?<=^ *@(?:Get|Put|Controller)\(')[a-z]`, (text) => `x${text}`],
    ['changes a method', String.raw`(?<=^  @)(?:Put|Delete)(?=\()`, 'Post'],
    ['forgets a controller', '\\w+Controller, (?=.*\\])', ''],
    [
      'has one handler more',
      String.raw`^class \w+Controller extends Handlers \{\n`,
      (text) => `${text}  @Get('more/route')\n  more() {\n    return this.handle();\n  }\n\n`,
    ],
    ['drops authentication', 'imports: \\[Resource.*\\],', ''],
  ]);
}

function apply(source: string, operators: readonly Operator[]): readonly Mutant[] {
  const start = source.lastIndexOf("from 'oauth-resource-server/"); // what's imported is no place for mistakes
  const mutants = operators.flatMap(([name, pattern, replacement]) =>
    [...source.matchAll(new RegExp(pattern, 'gm'))]
      .filter(({ index }) => index > start)
      .map(({ 0: found, index }) => {
        const put = typeof replacement === 'string' ? replacement : replacement(found);
        const line = source.slice(0, index).split('\n').length;
        return {
          name: `${name}, line ${line}`,
          source: source.slice(0, index) + put + source.slice(index + found.length),
        };
      }),
  );
  return mutants;
}
