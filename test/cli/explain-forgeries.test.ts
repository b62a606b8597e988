import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Reason } from '../../src/reasons.js';
import { createResourceServer } from '../../src/resource-server.js';
import type { TokenType } from '../../src/terms.js';
import { signedJws } from '../../src/testing/forged-jws.js';
import { createTestIssuer, type Forgery, type ListeningIssuer } from '../../src/testing/index.js';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.js';
import { explainToken } from '../../tools/cli/explain/explain-token.js';
import { type Explanation, STEPS, type StepName } from '../../tools/cli/explain/explanation.js';
import { decide, scope } from '../unit/testing/decide.js';
import { run } from './run-program.js';

/** At which step a bearer token fails that is refused for a reason. */
const STEPS_OF_REASON: Readonly<Partial<Record<Reason, readonly StepName[]>>> = {
  malformed_credentials: ['credentials'],
  multiple_methods: ['credentials'],
  repeated_parameter: ['credentials'],
  missing_credentials: ['credentials'],
  token_too_large: ['size'],
  malformed_token: ['structure', 'header', 'claims'],
  alg_not_allowed: ['alg'],
  crit_unsupported: ['crit'],
  typ_mismatch: ['typ', 'token_type'],
  iss_mismatch: ['iss'],
  invalid_claim: ['claim_types', 'aud'],
  missing_claim: ['exp', 'required_claims'],
  expired: ['exp'],
  not_yet_valid: ['nbf'],
  issued_in_future: ['iat'],
  aud_mismatch: ['aud'],
  not_an_access_token: ['token_kind'],
  no_matching_key: ['key'],
  ambiguous_key: ['key'],
  key_mismatch: ['key'],
  key_rejected: ['key'],
  metadata_unavailable: ['key'],
  metadata_invalid: ['key'],
  issuer_mismatch: ['key'],
  jwks_unavailable: ['key'],
  jwks_invalid: ['key'],
  signature_invalid: ['signature'],
  unsupported_confirmation: ['cnf'],
  insufficient_scope: ['scope'],
};

const stepsOfReason: Readonly<Record<string, readonly StepName[]>> = STEPS_OF_REASON;

/** What `explain --json` prints, as far as it is looked at. */
interface Document {
  readonly outcome: string;
  readonly reason: Reason | null;
  readonly answer: { readonly status: number } | null;
  readonly steps: readonly {
    readonly step: StepName;
    readonly status: string;
    readonly reason: Reason | null;
  }[];
}

/** The command has a token and no proof, so what comes under the scheme DPoP is none of its business. */
function isOfBearer({ headers }: Forgery): boolean {
  return !/^dpop/i.test(headers.Authorization ?? '');
}

/** What is bound to a key is refused as a bearer token, whichever binding it is. */
function reasonOf({ reason }: Forgery): Reason {
  return reason === 'dpop_downgrade' ? 'unsupported_confirmation' : reason;
}

/** Pipes the forgery's field to the command, as a developer would copy it. */
async function explainForgery(
  { headers }: Forgery,
  issuer: ListeningIssuer,
  ...more: readonly string[]
): Promise<{ readonly exitCode: number; readonly stdout: string }> {
  const input = headers.Authorization === undefined ? '' : `Authorization: ${headers.Authorization}\r\n`;
  const options = ['--issuer', issuer.identifier, '--audience', issuer.options.audience, '--scope', scope];
  const { exitCode, stdout, stderr } = await run(['explain', ...options, ...more], { input });
  expect(stderr).toBe('');
  return { exitCode, stdout };
}

async function listen(): Promise<ListeningIssuer> {
  const issuer = await (await createTestIssuer()).listen();
  onTestFinished(issuer.close);
  return issuer;
}

describe('explain, of every forgery,', () => {
  it('finds the first wrong step, and its reason is that of the verdict', { timeout: 60_000 }, async () => {
    const issuer = await listen();
    const forgeries = (await issuer.forgeries({ scope })).filter(isOfBearer);
    expect(forgeries.length).toBeGreaterThan(100);
    for (const forgery of forgeries) {
      const { exitCode, stdout } = await explainForgery(forgery, issuer, '--json');
      const { outcome, reason, answer, steps }: Document = JSON.parse(stdout);
      expect({ name: forgery.name, exitCode, outcome, reason, status: answer?.status }).toEqual({
        name: forgery.name,
        exitCode: 1,
        outcome: 'refused',
        reason: reasonOf(forgery),
        status: forgery.status,
      });
      const first = steps.find(({ status }) => status === 'failed');
      expect(first?.reason, forgery.name).toBe(reason);
      expect(stepsOfReason[reasonOf(forgery)], forgery.name).toContain(first?.step);
      const before = steps.slice(
        0,
        steps.findIndex(({ status }) => status === 'failed'),
      );
      expect(
        before.every(({ status }) => status === 'passed'),
        forgery.name,
      ).toBe(true);
    }
  });

  it('agrees with the resource server even if tokens have to be at+jwt', { timeout: 60_000 }, async () => {
    const issuer = await listen();
    const server = createResourceServer({ ...issuer.options, tokenType: 'at+jwt', dpop: 'off' });
    onTestFinished(() => server.close());
    for (const forgery of await issuer.forgeries({ scope })) {
      const { stdout } = await explainForgery(forgery, issuer, '--token-type', 'at+jwt', '--json');
      const { reason, answer, steps }: Document = JSON.parse(stdout);
      expect(`${answer?.status} ${reason}`, forgery.name).toBe(await decide(server, forgery.headers));
      expect(steps.find(({ status }) => status === 'failed')?.reason, forgery.name).toBe(reason);
    }
  });

  it('prints neither the token nor its signature, and nothing that a terminal would obey', {
    tags: ['OPS-01'],
    timeout: 60_000,
  }, async () => {
    const issuer = await listen();
    for (const forgery of await issuer.forgeries({ scope })) {
      const token = forgery.headers.Authorization?.split(' ').at(-1) ?? '';
      const signature = token.split('.')[2] ?? '';
      const { stdout } = await explainForgery(forgery, issuer);
      expect(stdout, forgery.name).not.toMatch(/[^\P{C}\n]/u);
      if (signature.length > 20) expect(stdout, forgery.name).not.toContain(signature.slice(0, 20));
      if (token.length > 40) expect(stdout, forgery.name).not.toContain(token.slice(0, 40));
    }
  });
});

describe('explain, of any token,', () => {
  let key: SigningKey;
  const now = Date.parse('2030-01-01T00:00:00Z');
  const issuer = 'https://issuer.example.com';
  const audience = 'https://api.example.com';

  beforeAll(async () => {
    key = await generateSigningKey('ES256', 'key-1');
  });

  const seconds = now / 1000;
  const date = fc.constantFrom(
    seconds - 600,
    seconds - 5,
    seconds,
    seconds + 5,
    seconds + 6,
    0,
    'soon',
    null,
  );
  const text = fc.constantFrom('order-service', audience, 7, null);
  const claims = fc.record(
    {
      iss: fc.constantFrom(issuer, issuer, issuer, `${issuer}/`, [issuer]),
      aud: fc.constantFrom(audience, audience, [audience, 'x'], `${audience}/`, [], 7),
      exp: date,
      nbf: date,
      iat: date,
      sub: text,
      client_id: text,
      azp: text,
      jti: text,
      scope: fc.constantFrom(scope, `${scope} other`, 'other', [scope], 7, true),
      nonce: fc.constant('n'),
      token_use: fc.constantFrom('id', 'access'),
      cnf: fc.constant({ jkt: 'x' }),
    },
    { requiredKeys: [] },
  );
  const header = fc.record(
    {
      alg: fc.constantFrom('ES256', 'ES256', 'ES256', 'RS256', 'none', 'HS256'),
      typ: fc.constantFrom('at+jwt', 'JWT', 'application/at+jwt', 'id+jwt', 7),
      kid: fc.constantFrom('key-1', 'key-2', 7),
      crit: fc.constant(['x']),
      jku: fc.constant('https://attacker.example/jwks'),
    },
    { requiredKeys: [] },
  );
  /** Right but for one member, so that late steps are reached. */
  const right = {
    header: { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' },
    claims: {
      iss: issuer,
      aud: audience,
      exp: seconds + 60,
      iat: seconds,
      sub: 's',
      client_id: 's',
      jti: 'j',
      scope,
    },
  };

  it('never disagrees with the verifier', { timeout: 60_000 }, async () => {
    const reasons = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          header,
          claims,
          which: fc.nat(),
          isRightElse: fc.boolean(),
          isStrict: fc.boolean(),
          cut: fc.nat(20),
        }),
        async ({ header: changedHeader, claims: changedClaims, which, isRightElse, isStrict, cut }) => {
          const parts = isRightElse
            ? withOneOf({ ...changedClaims, ...changedHeader }, which)
            : { header: changedHeader, claims: changedClaims };
          const token = signedJws({ ...parts.header }, { ...parts.claims }, key);
          const explanation = await explain(
            cut === 0 ? token.slice(0, -4) : token,
            isStrict ? 'at+jwt' : 'any',
          );
          const first = explanation.steps.find(({ status }) => status === 'failed');
          expect(first?.reason).toBe(explanation.refusal?.error.reason);
          expect(explanation.steps.map(({ step }) => step)).toEqual(
            STEPS.filter((name) => isStrict || !['token_type', 'required_claims'].includes(name)),
          );
          reasons.add(first?.reason ?? 'accepted');
        },
      ),
      { numRuns: 400 },
    );
    expect(reasons.size).toBeGreaterThan(10);
  });

  /** A right token in which one thing may be wrong. */
  function withOneOf(changes: object, which: number): { readonly header: object; readonly claims: object } {
    const entries = Object.entries(changes);
    const [name, value] = entries[which % Math.max(entries.length, 1)] ?? [];
    const change = name === undefined ? {} : { [name]: value };
    const isOfHeader = ['alg', 'typ', 'kid', 'crit', 'jku'].includes(name ?? '');
    return {
      header: { ...right.header, ...(isOfHeader && change) },
      claims: { ...right.claims, ...(!isOfHeader && change) },
    };
  }

  function explain(token: string, tokenType: TokenType): Promise<Explanation> {
    const server = { issuer: { issuer, jwks: { keys: [key.jwk] } }, audience, tokenType, clock: () => now };
    return explainToken(`Bearer ${token}`, { server, scopes: [scope], checkCommand: '' });
  }
});
