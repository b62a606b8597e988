import type { Auth } from '../../../src/auth.js';
import type { Answer, Denied } from '../../../src/decision.js';
import { printable, show, showList, toJson } from '../printable.js';
import type { Explanation, Step } from './explanation.js';

const SIGNS = { passed: '✓', failed: '✗', not_reached: '–' } as const;
const COLUMN = 18;

/** The steps, the decision, and the answer that a client gets, in lines. */
export function toLines(explanation: Explanation): readonly string[] {
  const { refusal, auth, steps } = explanation;
  const end = refusal === undefined ? linesOfAcceptance(auth) : linesOfRefusal(refusal, steps);
  return [...steps.flatMap(linesOfStep), '', ...end].map(printable);
}

/** The same for programs. Its shape is described in docs/cli.md. */
export function toDocument({ refusal, auth, steps }: Explanation): string {
  return toJson({
    outcome: outcomeOf(refusal),
    reason: refusal?.error.reason ?? null,
    message: refusal?.error.message ?? null,
    hint: refusal?.error.hint ?? null,
    answer: refusal === undefined ? null : withBody(refusal.answer),
    auth: auth === undefined ? null : withoutToken(auth),
    steps: steps.map(({ step, status, reason, actual, expected, fix }) => ({
      step,
      status,
      reason: reason ?? null,
      actual: actual ?? null,
      expected: expected ?? null,
      fix: fix ?? null,
    })),
  });
}

function outcomeOf(refusal: Denied | undefined): 'accepted' | 'refused' | 'unavailable' {
  if (refusal === undefined) return 'accepted';
  return refusal.answer.status === 503 ? 'unavailable' : 'refused';
}

function withoutToken({ issuer, subject, clientId, audience, scopes, expiresAt }: Auth): object {
  return { issuer, subject: subject ?? null, clientId: clientId ?? null, audience, scopes, expiresAt };
}

function withBody({ status, headers, body }: Answer): object {
  return { status, headers, body: body ?? null };
}

function linesOfStep({ step, status, actual, expected, fix }: Step): readonly string[] {
  const line = `${SIGNS[status]} ${step.padEnd(COLUMN - 2)}${actual ?? 'not reached'}`;
  if (status !== 'failed') return [line];
  return [line, `${'  expected'.padEnd(COLUMN)}${expected}`, `${'  fix'.padEnd(COLUMN)}${fix}`];
}

function linesOfAcceptance(auth: Auth | undefined): readonly string[] {
  return [
    'Accepted. The API gets to know:',
    '',
    `  clientId  ${show(auth?.clientId)}`,
    `  subject   ${show(auth?.subject)}`,
    `  scopes    ${showList(auth?.scopes ?? [])}`,
  ];
}

function linesOfRefusal({ error, answer }: Denied, steps: readonly Step[]): readonly string[] {
  const failures = steps.filter(({ status }) => status === 'failed').length;
  const others = failures > 1 ? ' That is the first ✗; the others are wrong too.' : '';
  return [
    error.status === 503 ? `Cannot be told now: ${error.reason}.` : `Refused: ${error.reason}.${others}`,
    'The client gets:',
    '',
    `  HTTP ${answer.status}`,
    ...Object.entries(answer.headers).map(([name, value]) => `  ${name}: ${String(value)}`),
    ...(answer.body === undefined ? [] : ['', `  ${answer.body}`]),
  ];
}
