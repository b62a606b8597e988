import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import {
  isTokenRequestError,
  restate,
  TokenRequestError,
  tokenRequestReasons,
} from '../../../src/client/errors.js';
import { isResourceServerError } from '../../../src/errors.js';

describe('TokenRequestError', () => {
  it('names the registered code in its message, and otherwise the status', () => {
    expect(new TokenRequestError('refused', { error: 'invalid_client', status: 401 }).message).toBe(
      'The authorization server refused the request for an access token (invalid_client)',
    );
    expect(new TokenRequestError('server_error', { status: 503 }).message).toBe(
      'The authorization server failed (status 503)',
    );
    expect(new TokenRequestError('closed').message).toBe('The client is closed');
  });

  it('has no third-party text in its message', () => {
    const error = new TokenRequestError('refused', { error: 'made_up', status: 400, description: 'text' });
    expect(error.message).toBe(
      'The authorization server refused the request for an access token (status 400)',
    );
  });

  it('shows its description only if you ask for it by name', { tags: ['OPS-02'] }, () => {
    const error = new TokenRequestError('refused', { description: 'canary' });
    expect(error.description).toBe('canary');
    expect(inspect(error, { showHidden: true, depth: Infinity })).not.toContain('canary');
    expect(JSON.stringify(error)).not.toContain('canary');
    expect(Object.keys({ ...error })).not.toContain('description');
  });

  it('is named like its class', () => {
    expect(new TokenRequestError('closed').name).toBe('TokenRequestError');
    expect(String(new TokenRequestError('closed'))).toBe('TokenRequestError: The client is closed');
  });

  it.each(tokenRequestReasons)('has a message for %s', (reason) => {
    expect(new TokenRequestError(reason).message).toMatch(/^[A-Z][a-z ,'-]+$/i);
  });

  it('says which failures may pass by themselves', () => {
    const passing = tokenRequestReasons.filter((reason) => new TokenRequestError(reason).transient);
    expect(passing.sort()).toEqual([
      'credential_unavailable',
      'metadata_unavailable',
      'rate_limited',
      'server_error',
      'timeout',
      'unreachable',
    ]);
  });

  it('is recognized across two copies of this package', async () => {
    const here = new TokenRequestError('closed');
    vi.resetModules();
    const other = await import('../../../src/client/errors.js');
    expect(other.TokenRequestError).not.toBe(TokenRequestError);
    expect(here).toBeInstanceOf(other.TokenRequestError);
    expect(other.isTokenRequestError(here)).toBe(true);
    expect(new other.TokenRequestError('closed')).toBeInstanceOf(TokenRequestError);
  });

  it('is not taken for a refusal of a request, nor for its own subclasses', () => {
    class Special extends TokenRequestError {}
    expect(isResourceServerError(new TokenRequestError('closed'))).toBe(false);
    expect(new TokenRequestError('closed')).not.toBeInstanceOf(Special);
    expect(new Special('closed')).toBeInstanceOf(Special);
  });

  it.each([undefined, null, 'closed', new Error('closed'), { reason: 'closed' }])('is not %s', (value) => {
    expect(isTokenRequestError(value)).toBe(false);
    expect(value).not.toBeInstanceOf(TokenRequestError);
  });

  it('is equal for a later caller, except for the time to wait', () => {
    const failure = new TokenRequestError('server_error', { status: 503, detail: 'x', description: 'y' });
    const later = restate(failure, 7);
    expect(later).not.toBe(failure);
    expect({ ...later }).toEqual({ ...failure, retryAfter: 7 });
    expect(later.description).toBe('y');
  });
});
