import { beforeAll, describe, expect, it, vi } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import {
  type Behaviour,
  body,
  hangInBody,
  hangUp,
  json,
  type MisbehavingIssuer,
  paths,
  redirect,
  reset,
  startMisbehavingIssuer,
  status,
  truncated,
} from '../support/misbehaving-issuer.js';
import { stopTimers } from '../support/protected-api.js';
import { run } from './run-program.js';

const MEBIBYTE = 1_048_576;
let key: SigningKey;

beforeAll(async () => {
  key = await generateSigningKey('ES256', 'key-1');
});

interface Document {
  readonly outcome: string;
  readonly reason: string | null;
  readonly findings: readonly {
    readonly step: string;
    readonly status: string;
    readonly message: string;
    readonly fix: string | null;
  }[];
  readonly options: unknown;
}

async function check(issuer: string, fetch?: typeof globalThis.fetch): Promise<Document> {
  const args = ['check', issuer, '--json'];
  const { exitCode, stdout, stderr } = await run(args, fetch === undefined ? {} : { fetch });
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  const document: Document = JSON.parse(stdout);
  expect(document).toMatchObject({ outcome: 'unusable', options: null });
  return document;
}

/** The first thing that is wrong, of a report in which everything that is wrong comes with its fix. */
function firstFault({ findings }: Document): { readonly step: string; readonly text: string } {
  const faults = findings.filter(({ status: is }) => is === 'failed' || is === 'warning');
  for (const { message, fix } of faults) expect(fix, message).toMatch(/^[A-Z].{10,}$/);
  const [first] = faults;
  return { step: first?.step ?? '', text: `${first?.message} | ${first?.fix}` };
}

/** An issuer whose metadata and keys are fine, to be made worse. */
async function startIssuer(): Promise<MisbehavingIssuer> {
  const issuer = await startMisbehavingIssuer();
  issuer.publish([key.jwk]);
  return issuer;
}

describe('check names the fix of an issuer identifier that', () => {
  it.each([
    ['auth.example.com', 'is not an absolute URL', 'Did you mean "https://auth.example.com"?'],
    ['ftp://auth.example.com', 'is not an absolute URL', 'https://'],
    ['', 'is not an absolute URL', 'https://'],
    ['http://auth.example.com', 'is plain http', '--allow-insecure-requests'],
    ['https://auth.example.com?tenant=1', 'has a query', 'Leave out "?"'],
    ['https://auth.example.com#x', 'has a fragment', 'Leave out "#"'],
    ['https://user:secret@auth.example.com', 'has a user name', 'Leave them out'],
    ['https://auth.example.com/a b', 'characters that a URL cannot have', 'RFC 3986'],
    ['https://auth.example.com/{tenantid}', 'has a placeholder', 'name that it stands for'],
    [
      'https://auth.example.com/t1/.well-known/openid-configuration',
      'is the address of its metadata',
      '"https://auth.example.com/t1"',
    ],
    [
      'https://auth.example.com/.well-known/oauth-authorization-server/t1',
      'is the address of its metadata',
      '"https://auth.example.com/t1"',
    ],
  ])('is %j', { tags: ['KEY-02'] }, async (issuer, message, fix) => {
    const unused = () => Promise.reject(new Error('somebody was asked'));
    const document = await check(issuer, unused);
    expect(document.findings).toHaveLength(1);
    expect(document.reason).toBe(null);
    const { step, text } = firstFault(document);
    expect(step).toBe('issuer');
    expect(text).toContain(message);
    expect(text).toContain(fix);
  });
});

type Row = readonly [what: string, script: (issuer: MisbehavingIssuer) => void, message: string, fix: string];

/** What may become of a document, whichever it is. */
function outages(path: string): readonly Row[] {
  const rows: readonly (readonly [string, Behaviour, string, string])[] = [
    ['that needs credentials', status(401), 'access refused (401)', 'public'],
    ['that is forbidden', status(403), 'access refused (403)', 'public'],
    ['behind a fault', status(502), 'the issuer has a fault (502)', 'log'],
    ['with an odd status', status(204), 'answers with status 204', '--jwks-uri'],
    [
      'that has moved',
      redirect(301, 'https://elsewhere.example/x'),
      'redirects (301) to "https://elsewhere.example/x"',
      'not followed',
    ],
    ['behind a broken connection', reset, 'the connection broke', 'proxy'],
    ['behind a closed connection', hangUp, 'the connection broke', 'https instead of http'],
    ['that breaks off', truncated('{'), 'the connection broke (the body broke off)', 'proxy'],
    [
      'that is a web page',
      body('<html>', { 'Content-Type': 'text/html; charset=utf-8' }),
      'a web page, not JSON',
      '--jwks-uri',
    ],
    ['that is no JSON', body('{'), 'not JSON', 'JSON object'],
    ['that is a list', json([]), 'not a JSON object', 'JSON object'],
    ['that is huge', body(' '.repeat(MEBIBYTE + 1)), 'larger than 1 MiB', 'smaller'],
  ];
  return rows.map(([what, behaviour, message, fix]) => [
    what,
    (issuer) => issuer.script(path, behaviour),
    message,
    fix,
  ]);
}

it("doesn't repeat a password in an issuer", { tags: ['OPS-01'] }, async () => {
  for (const more of [[], ['--json']]) {
    const { stdout } = await run(['check', 'https://user:secret@auth.example.com/a@b', ...more]);
    expect(stdout).toContain('https://[…]@auth.example.com/a@b');
    expect(stdout).not.toMatch(/user:|secret/);
  }
});

describe('check names the fix of metadata', () => {
  const withMetadata =
    (change: (url: string) => object) =>
    (issuer: MisbehavingIssuer): void =>
      issuer.script(
        paths.oauth,
        json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...change(issuer.url) }),
      );

  it.each<Row>([
    ...outages(paths.oauth),
    [
      'with a slash more',
      withMetadata((url) => ({ issuer: `${url}/` })),
      'trailing slash',
      'npx oauth-resource-server check http://127.0.0.1',
    ],
    [
      'in capitals',
      withMetadata((url) => ({ issuer: url.toUpperCase() })),
      'upper and lower case',
      'exactly',
    ],
    [
      'on https',
      withMetadata((url) => ({ issuer: url.replace('http:', 'https:') })),
      'http and https',
      'exactly',
    ],
    ['with a path', withMetadata((url) => ({ issuer: `${url}/t1` })), 'differ by the path', 'exactly'],
    [
      'of somebody else',
      withMetadata(() => ({ issuer: 'https://evil.example.com' })),
      'names the issuer "https://evil.example.com"',
      'right server',
    ],
    ['without issuer', withMetadata(() => ({ issuer: undefined })), 'issuer is not a string', 'RFC 8414'],
    ['without keys', withMetadata(() => ({ jwks_uri: undefined })), 'has no jwks_uri', '--jwks-uri'],
    [
      'with keys on http',
      withMetadata(() => ({ jwks_uri: 'http://keys.example/jwks' })),
      'not an https URL: "http://keys.example/jwks"',
      'allowInsecureRequests',
    ],
    [
      'with a relative address of keys',
      withMetadata(() => ({ jwks_uri: '/jwks' })),
      'not an https URL: "/jwks"',
      'absolute',
    ],
    [
      'with an odd endpoint',
      withMetadata(() => ({ token_endpoint: 1 })),
      'token_endpoint is not a string',
      'RFC 8414',
    ],
  ])('%s', { tags: ['KEY-01', 'KEY-03', 'KEY-06'] }, async (_what, script, message, fix) => {
    const issuer = await startIssuer();
    script(issuer);
    const document = await check(issuer.url);
    expect(document.reason).toMatch(/^(metadata_|issuer_)/);
    const { step, text } = firstFault(document);
    expect(step).toBe('metadata');
    expect(text).toContain(message);
    expect(text).toContain(fix);
    expect(issuer.count(paths.jwks)).toBe(0);
  });

  it('that is nowhere, once', async () => {
    const issuer = await startMisbehavingIssuer();
    const document = await check(issuer.url);
    expect(document.reason).toBe('metadata_unavailable');
    const faults = document.findings.filter(({ fix, step }) => fix !== null && step === 'metadata');
    expect(faults).toHaveLength(1);
    expect(firstFault(document).text).toMatch(/nothing there \(404\).*--metadata-url/);
  });

  it('of an issuer that does not run', async () => {
    const issuer = await startMisbehavingIssuer();
    await issuer.stop();
    const document = await check(issuer.url);
    expect(document.findings.filter(({ step }) => step === 'metadata')).toHaveLength(1);
    expect(firstFault(document).text).toMatch(/ECONNREFUSED.*Does the issuer run/);
  });

  it.each([
    ['ENOTFOUND', 'spelled right'],
    ['EAI_AGAIN', 'DNS'],
    ['EHOSTUNREACH', 'VPN'],
    ['ENETUNREACH', 'network'],
    ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'NODE_EXTRA_CA_CERTS'],
    ['EODD', 'network'],
  ])('of an issuer that is out of reach by %s', async (code, fix) => {
    const fetch = () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }));
    const { text } = firstFault(await check('https://auth.example.com', fetch));
    expect(text).toContain(code);
    expect(text).toContain(fix);
  });

  it('of another issuer without a command that a shell would obey', async () => {
    const issuer = await startMisbehavingIssuer();
    issuer.script(paths.oauth, json({ issuer: `${issuer.url}/$(id)`, jwks_uri: `${issuer.url}/jwks` }));
    const { text } = firstFault(await check(issuer.url));
    expect(text).toContain('exactly');
    expect(text).not.toContain('npx');
  });
});

describe('check names the fix of', () => {
  const documents = { metadata: paths.oauth, keys: paths.jwks };

  it.each(Object.entries(documents))(
    'waits no longer than the time limit for %s',
    { tags: ['KEY-08'] },
    async (_what, path) => {
      const issuer = await startIssuer();
      stopTimers();
      let asked = 0;
      issuer.script(path, () => {
        asked += 1;
        vi.advanceTimersByTime(5000);
      });
      const { text } = firstFault(await check(issuer.url));
      expect(text).toMatch(/no answer within 5 s.*--timeout/);
      expect(asked).toBe(2);
    },
  );

  it.each(Object.entries(documents))(
    'reads no more than the byte limit of %s',
    { tags: ['KEY-08'] },
    async (_what, path) => {
      const issuer = await startIssuer();
      stopTimers();
      issuer.script(path, hangInBody('{'));
      const { text } = firstFault(
        await check(issuer.url, async (input, init) => {
          const response = await fetch(input, init);
          if (String(input).endsWith(path)) setImmediate(() => vi.advanceTimersByTime(5000));
          return response;
        }),
      );
      expect(text).toMatch(/the answer did not end within 5 s.*--timeout/);
    },
  );
});

it('ends even if a fetch never does', { tags: ['KEY-08'] }, async () => {
  stopTimers();
  const forever = () => {
    setImmediate(() => {
      // A request to the last place may outlive the test.
      if (vi.isFakeTimers()) vi.advanceTimersByTime(5000);
    });
    return new Promise<Response>(() => undefined);
  };
  expect(firstFault(await check('https://auth.example.com', forever)).text).toMatch(/no answer within 5 s/);
});

describe('check names the fix of keys', () => {
  const withKeys =
    (jwks: unknown) =>
    (issuer: MisbehavingIssuer): void =>
      issuer.script(paths.jwks, json(jwks));

  it.each<Row>([
    ...outages(paths.jwks),
    [
      'that are nowhere',
      (issuer) => issuer.script(paths.jwks, status(404)),
      'nothing there (404)',
      'Correct "jwks_uri"',
    ],
    ['without a list', withKeys({}), 'no "keys" array', '{"keys":[…]}'],
    [
      'that are too many',
      withKeys({ keys: Array.from({ length: 501 }, () => ({})) }),
      'more than 500 keys',
      '500',
    ],
    ['of which there is none', withKeys({ keys: [] }), '0 keys', 'Publish a public key'],
    [
      'for encryption only',
      withKeys({ keys: [{ kty: 'EC', use: 'enc', crv: 'P-256', kid: 'x' }] }),
      '1 key,',
      'no "use" other than "sig"',
    ],
  ])('%s', { tags: ['KEY-08'] }, async (_what, script, message, fix) => {
    const issuer = await startIssuer();
    script(issuer);
    const document = await check(issuer.url);
    expect(document.reason).toMatch(/^jwks_/);
    const { step, text } = firstFault(document);
    expect(step).toBe('key_set');
    expect(text).toContain(message);
    expect(text).toContain(fix);
  });

  it('prints them for people, with exit code 1 and no options to paste', async () => {
    const issuer = await startIssuer();
    issuer.script(paths.jwks, status(404));
    const { exitCode, stdout } = await run(['check', issuer.url]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^✗ key_set .*nothing there/m);
    expect(stdout).toMatch(/^ {2}fix {20}Correct "jwks_uri"/m);
    expect(stdout).toMatch(/^✗ verifier .*jwks_unavailable/m);
    expect(stdout).toContain('every request is answered with 503');
    expect(stdout).not.toContain('audience');
  });
});
