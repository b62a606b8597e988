import { describe, expect, it } from 'vitest';
import { baseUrlCheck, checkDpop } from '../../../src/options/dpop.js';
import { checkOptions } from '../../../src/options/options.js';
import { ALGORITHMS } from '../../../src/terms.js';
import { optionErrorWith } from '../../support/option-error.js';

const check = (given: unknown) => checkDpop(given, undefined);
/** The settings of a whole resource server, as a caller without types may build it. */
const settingsFor = (given: object) =>
  checkOptions({ issuer: 'https://issuer.example.com', audience: 'x', ...given });
const SECRET = 'a secret of at least 32 characters';

describe('the option dpop', () => {
  it.each([
    ['the default', undefined, ['Bearer', 'DPoP'], ALGORITHMS],
    ['allowed', 'allowed', ['Bearer', 'DPoP'], ALGORITHMS],
    ['required', 'required', ['DPoP'], ALGORITHMS],
    ['off', 'off', ['Bearer'], []],
    ['an object without members', {}, ['Bearer', 'DPoP'], ALGORITHMS],
    ['an object with a mode', { mode: 'required' }, ['DPoP'], ALGORITHMS],
    ['other algorithms', { algorithms: ['ES256'] }, ['Bearer', 'DPoP'], ['ES256']],
  ])(
    'offers schemes and algorithms: %s',
    { tags: ['DPP-26', 'DPP-27', 'DPP-28'] },
    (_, given, schemes, algorithms) => {
      const settings = settingsFor({ dpop: given });
      expect(settings.schemes).toEqual(schemes);
      expect(settings.proofAlgorithms).toEqual(algorithms);
      expect(check(given)).toEqual(settings.dpop);
      expect(settings.dpop === undefined).toBe(given === 'off');
      expect(settings.dpop?.isRequired ?? false).toBe(!schemes.includes('Bearer'));
    },
  );

  it.each([
    { maxAgeSeconds: 1 },
    { maxAgeSeconds: 600 },
    { replayStore: { remember: () => true } },
    { nonce: { secret: SECRET } },
    { nonce: { secret: SECRET, lifetimeSeconds: 3600 } },
  ])('takes %j', (given) => {
    const { nonce, ...others } = given;
    const wanted = nonce && { lifetimeSeconds: 300, ...nonce };
    expect(check(given)).toMatchObject(wanted === undefined ? others : { ...others, nonce: wanted });
  });

  it('is plain data with the documented defaults', () => {
    expect(checkDpop(undefined, 'https://api.example.com')).toEqual({
      isRequired: false,
      algorithms: ALGORITHMS,
      maxAgeSeconds: 60,
      replayStore: undefined,
      nonce: undefined,
      baseUrl: 'https://api.example.com',
    });
  });

  const TAKES = `option "dpop" takes 'allowed', 'required', 'off', or an object, got`;
  it.each([
    ['on', `${TAKES} string`],
    [true, `${TAKES} boolean`],
    [null, `${TAKES} null`],
    [[], `${TAKES} an empty list`],
    [
      { modes: 'off' },
      'unknown option "modes" in dpop; did you mean mode? Known are mode, algorithms, maxAgeSeconds, replayStore, nonce',
    ],
    [{ mode: 'off' }, `option "dpop.mode" takes 'allowed' or 'required', got string`],
    [{ maxAgeSeconds: 0 }, 'option "dpop.maxAgeSeconds" takes a number from 1 to 600, got 0'],
    [{ maxAgeSeconds: 601 }, 'option "dpop.maxAgeSeconds" takes a number from 1 to 600, got 601'],
    [
      { replayStore: new Map() },
      'option "dpop.replayStore" takes an object with a function "remember", got object',
    ],
    [{ replayStore: null }, 'option "dpop.replayStore" takes an object with a function "remember", got null'],
    [{ nonce: true }, 'option "dpop.nonce" takes an object, got boolean'],
    [{ nonce: { key: SECRET } }, 'unknown option "key" in dpop.nonce; known are secret, lifetimeSeconds'],
    [{ nonce: {} }, 'option "dpop.nonce.secret" takes a string of at least 32 characters, got undefined'],
    [
      { nonce: { secret: 'too short' } },
      'option "dpop.nonce.secret" takes a string of at least 32 characters, got string',
    ],
    [
      { nonce: { secret: SECRET, lifetimeSeconds: 0 } },
      'option "dpop.nonce.lifetimeSeconds" takes a number from 1 to 3600, got 0',
    ],
  ])('refuses %j', (given, message) => {
    expect(() => check(given)).toThrow(optionErrorWith(message));
  });

  it.each([['HS256'], ['none'], ['ES256', 'es256'], []])(
    'refuses the algorithms %j',
    { tags: ['DPP-06'] },
    (...algorithms) => {
      expect(() => check({ algorithms })).toThrow(
        /^option "dpop.algorithms" takes a list of at least one of RS256/,
      );
    },
  );

  it('has the header read for the scheme DPoP wherever bearer tokens are', { tags: ['DPP-01'] }, () => {
    const headerSchemes = (given: object) => [...settingsFor(given).headerSchemes].join();
    expect(headerSchemes({})).toBe('Bearer,DPoP');
    expect(headerSchemes({ dpop: 'required' })).toBe('Bearer,DPoP');
    expect(headerSchemes({ dpop: 'off' })).toBe('Bearer');
    expect(headerSchemes({ bearerMethods: ['body'] })).toBe('DPoP');
    expect(headerSchemes({ bearerMethods: ['body'], dpop: 'off' })).toBe('');
  });
});

describe('the option baseUrl', () => {
  const checkBaseUrl = (given: unknown) => baseUrlCheck(false)(given, 'baseUrl');

  it.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['https://api.example.com/', 'https://api.example.com'],
    ['https://API.example.com:443/Inventory/', 'https://api.example.com/Inventory'],
    ['https://api.example.com:8443/a/../b//', 'https://api.example.com:8443/b'],
    ['http://localhost:3000', 'http://localhost:3000'],
  ])('takes %s', { tags: ['DPP-13'] }, (given, expected) => {
    expect(checkBaseUrl(given)).toBe(expected);
    expect(settingsFor({ baseUrl: given }).dpop).toMatchObject({ baseUrl: expected });
  });

  it('need not be there', () => {
    expect(settingsFor({ baseUrl: undefined }).dpop).toMatchObject({ baseUrl: undefined });
  });

  it.each([
    '',
    'api.example.com',
    '/inventory',
    'http://api.example.com',
    'https://api.example.com/?a=1',
    'https://api.example.com/#a',
    'https://user@api.example.com/',
    'ftp://api.example.com/',
    42,
    null,
    ['https://api.example.com'],
  ])('refuses %j', { tags: ['DPP-13'] }, (given) => {
    expect(() => checkBaseUrl(given)).toThrow(/^option "baseUrl" takes an absolute https URL/);
  });

  it("takes plain http only if that's allowed", { tags: ['DPP-13'] }, () => {
    expect(baseUrlCheck(true)('http://api.internal', 'baseUrl')).toBe('http://api.internal');
  });
});
