import type { JoseHeader, StandardClaims } from '../auth.js';
import { quote, typeName } from '../lib/public-text.js';
import { refuseMetadataUrl } from '../lib/url.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** What you can set yourself in a preset. */
export type PresetOverrides = Partial<Omit<TrustedIssuer, 'issuer'>>;

type AccessTokenRule = (header: JoseHeader, claims: StandardClaims) => boolean;

export const HOST_NAME: RegExp = /^[\w.-]+$/;
export const BASE_URL: RegExp = /^https?:\/\/[^/{}]+(?:\/[^?#{}]*)?$/i;
export const GUID: RegExp = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const PATH_SEGMENT: RegExp = /^[^/?#{}]+$/;

/**
 * Checks a parameter of a preset. Without this, an unset environment variable would become the issuer
 * `https://undefined/`, and no token would ever match.
 *
 * @throws {TypeError}
 */
export function checkParameter(value: unknown, pattern: RegExp, takes: string): void {
  if (pattern === BASE_URL) refuseMetadataUrl(value, takes.split(' ', 1)[0] ?? '');
  if (typeof value !== 'string' || !pattern.test(value)) throw presetError(takes, value);
}

/**
 * Checks a list that a preset takes.
 *
 * @throws {TypeError} it's empty, or an element doesn't match `pattern`
 */
export function checkList(value: unknown, pattern: RegExp, takes: string): void {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const isElement = (one: unknown): boolean => typeof one === 'string' && pattern.test(one);
  if (list.length === 0) throw presetError(takes, value);
  const wrong = Array.from(list).findIndex((one) => !isElement(one));
  if (wrong !== -1) throw presetError(takes, list[wrong], ` at [${wrong}]`);
}

/** The names that presets take are public, so the message shows what it got. */
function presetError(takes: string, value: unknown, where = ''): TypeError {
  const got = typeof value === 'string' && value !== '' ? quote(value) : typeName(value);
  return new TypeError(`${takes}, got ${got}${where}`);
}

/** A preset's own rule. Your own can make it stricter, not looser. */
export function andAlso(rule: AccessTokenRule, { isAccessToken }: PresetOverrides): AccessTokenRule {
  if (isAccessToken === undefined) return rule;
  return (header, claims) => rule(header, claims) && isAccessToken(header, claims);
}

export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/$/, '');
}

/** The preset's source of keys, unless you give another: there may be only one. */
export function withKeys(jwksUri: string, overrides: PresetOverrides): PresetOverrides {
  const { jwks, metadataUrl } = overrides;
  return jwks === undefined && metadataUrl === undefined ? { jwksUri, ...overrides } : overrides;
}
