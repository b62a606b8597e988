import { printable, toJson } from '../printable.js';
import { type CheckOptions, type CheckReport, PLACEHOLDER_AUDIENCE } from './check-issuer.js';
import type { Finding } from './finding.js';
import { withoutUserInfo } from './issuer-form.js';

const SIGNS = { ok: '✓', info: '–', warning: '!', failed: '✗' } as const;
const COLUMN = 17;

/** The findings, and what to paste where the issuer is usable, in lines. */
export function toLines(report: CheckReport, options: CheckOptions): readonly string[] {
  return [
    ...report.findings.flatMap(linesOfFinding),
    '',
    ...(report.usable
      ? [
          'Options for this issuer, with the identifier of your API as the audience:',
          '',
          ...toSource(options),
        ]
      : ['No access token of this issuer can be verified: every request is answered with 503.']),
  ].map(printable);
}

/** The same for programs. Its shape is described in docs/cli.md. */
export function toDocument(report: CheckReport, options: CheckOptions): string {
  const { usable, reason, findings, keys } = report;
  return toJson({
    issuer: withoutUserInfo(options.issuer),
    outcome: usable ? 'usable' : 'unusable',
    reason: reason ?? null,
    findings: findings.map(({ step, status, message, fix }) => ({ step, status, message, fix: fix ?? null })),
    keys: keys.map(({ kid, kty, crv, algorithms, bits, use, cause }) => ({
      kid: kid ?? null,
      kty: kty ?? null,
      crv: crv ?? null,
      algorithms,
      bits: bits ?? null,
      use,
      cause: cause ?? null,
    })),
    options: usable ? toJsonOptions(options) : null,
  });
}

function linesOfFinding({ step, status, message, fix }: Finding): readonly string[] {
  const line = `${SIGNS[status]} ${step.padEnd(COLUMN - 2)}${message}`;
  return fix === undefined ? [line] : [line, `${'  fix'.padEnd(COLUMN)}${fix}`];
}

/** What differs from the defaults, as JSON has it. */
function toJsonOptions(options: CheckOptions): Record<string, unknown> {
  const { issuer, jwksUri, metadataUrl, allowInsecureRequests } = options;
  const details = { jwksUri, metadataUrl };
  const hasDetails = Object.values(details).some((value) => value !== undefined);
  return {
    issuer: hasDetails ? { issuer, ...details } : issuer,
    ...(allowInsecureRequests && { allowInsecureRequests }),
  };
}

function toSource(options: CheckOptions): readonly string[] {
  const { issuer, ...others } = toJsonOptions(options);
  const members = { issuer, audience: PLACEHOLDER_AUDIENCE, ...others };
  return ['{', ...Object.entries(members).map(([name, value]) => `  ${name}: ${literal(value)},`), '}'].map(
    (line) => `  ${line}`,
  );
}

/** A value as TypeScript writes it. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replace(/['\\]/g, '\\$&')}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{ ${members.map(([name, member]) => `${name}: ${literal(member)}`).join(', ')} }`;
}
