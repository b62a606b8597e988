import type { Service } from '../frameworks.js';

/** A request to the inventory service, and what must come back. */
export interface Check {
  /** What it shows, in a few words: `"token for another API"`. */
  readonly summary: string;
  /** `"GET /stock/42"` */
  readonly request: string;
  /** The access token in words, for the reader. */
  readonly token: string;
  readonly accessToken?: string;
  readonly expected: Expectation;
}

/** What is compared with the {@link Outcome}. */
export interface Expectation {
  readonly status: number;
  readonly answer: string | RegExp;
  readonly description?: string;
}

/** What came back. */
interface Outcome {
  readonly status: number;
  /** The challenge without realm and description; or else how long to wait; or else the body. */
  readonly answer: string;
  /** `error_description`: tells the 401 of a forged token from that of an expired one. */
  readonly description: string | undefined;
  /** How long the service asks to wait; 0 when it does not. */
  readonly retryAfterSeconds: number;
}

/** A check as it went with one framework. */
export interface Row {
  readonly framework: string;
  /** What had happened before, in words: `"authorization server stopped"`. */
  readonly situation: string;
  readonly check: Check;
  readonly outcome: Outcome;
  readonly passed: boolean;
}

/** Has every service go through all checks, over real HTTP. */
export async function perform(
  services: readonly Service[],
  situation: string,
  checks: readonly Check[],
): Promise<readonly Row[]> {
  const rows = await Promise.all(services.map((service) => performOn(service, situation, checks)));
  return rows.flat();
}

async function performOn(
  service: Service,
  situation: string,
  checks: readonly Check[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const check of checks) {
    const outcome = await send(service, check);
    rows.push({
      framework: service.framework,
      situation,
      check,
      outcome,
      passed: isExpected(outcome, check.expected),
    });
  }
  return rows;
}

async function send(service: Service, { request, accessToken }: Check): Promise<Outcome> {
  const [method = '', path = ''] = request.split(' ');
  const headers: Record<string, string> =
    accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` };
  const response = await fetch(new URL(path, service.origin), { method, headers });
  return {
    status: response.status,
    answer: summarise(response.headers, await response.text()),
    description: /error_description="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1],
    retryAfterSeconds: Number(response.headers.get('retry-after') ?? 0),
  };
}

function summarise(headers: Headers, body: string): string {
  const challenge = headers.get('www-authenticate');
  if (challenge !== null) return shortenChallenge(challenge);
  const retryAfter = headers.get('retry-after');
  return retryAfter === null ? body : `Retry-After: ${retryAfter}`;
}

/** `Bearer realm="api", error="invalid_token", error_description="…"` → `Bearer error="invalid_token"`. */
function shortenChallenge(challenge: string): string {
  const [scheme = ''] = challenge.split(' ');
  const parameters = challenge.match(/\b(error|scope)="[^"]*"/g) ?? [];
  return [scheme, parameters.join(', ')].join(' ').trimEnd();
}

function isExpected(outcome: Outcome, expected: Expectation): boolean {
  const { answer } = expected;
  const isAnswer = typeof answer === 'string' ? outcome.answer === answer : answer.test(outcome.answer);
  return isAnswer && outcome.status === expected.status && outcome.description === expected.description;
}
