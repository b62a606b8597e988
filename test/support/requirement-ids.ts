/** `range('BRR', 1, 3)` → BRR-01, BRR-02, BRR-03. */
const range = (family: string, first: number, last: number): string[] =>
  Array.from(
    { length: last - first + 1 },
    (_, index) => `${family}-${String(first + index).padStart(2, '0')}`,
  );

/** The requirements that this package claims to meet. No test may name another one. */
export const requirementIds: readonly string[] = [
  ...range('BRR', 1, 32),
  ...range('ATP', 1, 20),
  ...range('JWT', 1, 32),
  ...range('KEY', 1, 22),
  'KEY-24',
  ...range('MTL', 1, 13),
  ...range('INT', 1, 23),
  ...range('SCP', 1, 6),
  'SCP-08',
  'SCP-09',
  'SCP-11',
  'SCP-12',
  ...range('OPS', 1, 14),
  ...range('OPS', 16, 20),
  ...range('PRM', 1, 13),
  ...range('MCP', 1, 10),
  ...range('STP', 1, 10),
  'STP-12',
  'STP-14',
  ...range('CLI', 1, 16),
  ...range('CLI', 18, 22),
  ...range('DPP', 1, 29),
];
