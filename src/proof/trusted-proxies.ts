import { BlockList, isIP } from 'node:net';
import { optionError, textOrTexts } from '../lib/check.js';

const TAKES = 'IP addresses and ranges such as 10.0.0.0/8, but no wider ones';
const RANGE = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/;

/** Whether the other end of a connection is one of the trusted proxies. An unknown one isn't. */
export type TrustedProxies = (remoteAddress: string | undefined) => boolean;

/**
 * Reads addresses and ranges (CIDR notation, RFC 4632 §3.1).
 *
 * @param name of the option, for the message
 * @throws {TypeError} it's neither, or a range that's too wide
 */
export function parseTrustedProxies(given: unknown, name: string): TrustedProxies {
  const trusted = new BlockList();
  for (const entry of textOrTexts(given, name)) {
    const [, address = '', prefix] = RANGE.exec(entry) ?? [];
    const family = addressFamily(address);
    const allBits = family === 'ipv4' ? 32 : 128;
    const bits = Number(prefix ?? allBits);
    if (family === undefined || bits > allBits || isTooWide(address, bits, family))
      throw optionError(name, TAKES, entry);
    trusted.addSubnet(address, bits, family);
  }
  return (remoteAddress) => {
    const address = remoteAddress ?? '';
    const family = addressFamily(address);
    // Also IPv4 addresses, if an IPv6 socket shows them as `::ffff:10.0.0.1` (RFC 4291 §2.5.5.2).
    return family !== undefined && trusted.check(address, family);
  };
}

/**
 * Whether a range must contain addresses of strangers: it's larger than those for private use (RFC 1918,
 * RFC 4193), or than as much of IPv4 in the form that IPv6 sockets show.
 */
function isTooWide(address: string, bits: number, family: 'ipv4' | 'ipv6'): boolean {
  if (family === 'ipv4') return bits < 8;
  const range = new BlockList();
  range.addSubnet(address, bits, family);
  const mapped = new BlockList();
  mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
  const hasIpv4 = range.check('::ffff:0:0', 'ipv6') || mapped.check(address, 'ipv6');
  return bits < 7 || (hasIpv4 && bits < 104);
}

/** Addresses with a zone (RFC 4007 §11) don't count: a zone means something different on each machine. */
function addressFamily(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
