/** What `check` looks at, in this order. */
export type FindingStep =
  | 'issuer'
  | 'metadata'
  | 'jwks_uri'
  | 'access_token_issuer'
  | 'introspection_endpoint'
  | 'token_endpoint'
  | 'key_set'
  | 'key'
  | 'key_ids'
  | 'algorithms'
  | 'cache'
  | 'clock'
  | 'verifier'
  | 'introspection';

/** One checked fact. Texts from the issuer are already printable. */
export interface Finding {
  readonly step: FindingStep;
  /** `failed`: tokens can't be verified, or are at risk. `warning`: that may happen. `info`: good to know. */
  readonly status: 'ok' | 'info' | 'warning' | 'failed';
  readonly message: string;
  /** What to do about it. */
  readonly fix: string | undefined;
}

export function ok(step: FindingStep, message: string): Finding {
  return { step, status: 'ok', message, fix: undefined };
}

export function info(step: FindingStep, message: string): Finding {
  return { step, status: 'info', message, fix: undefined };
}

export function warning(step: FindingStep, message: string, fix: string): Finding {
  return { step, status: 'warning', message, fix };
}

export function failure(step: FindingStep, message: string, fix: string): Finding {
  return { step, status: 'failed', message, fix };
}
