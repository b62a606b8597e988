import { BlockList, isIP } from 'node:net';
import { optionError, textOrTexts } from '../lib/check.js';

const TAKES = 'IP addresses and ranges such as 10.0.0.0/8, but not all addresses';
const RANGE = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/;

/** Whether the other end of a connection is one of the trusted proxies; an unknown one is not. */
export type TrustedProxies = (remoteAddress: string | undefined) => boolean;

/**
 * Reads addresses and ranges (CIDR notation, RFC 4632 §3.1).
 *
 * @param name of the option, for the message
 * @throws {TypeError} something else, or a range of all addresses
 */
export function parseTrustedProxies(given: unknown, name: string): TrustedProxies {
  const trusted = new BlockList();
  for (const entry of textOrTexts(given, name)) {
    const [, address = '', prefix] = RANGE.exec(entry) ?? [];
    const family = addressFamily(address);
    const allBits = family === 'ipv4' ? 32 : 128;
    const bits = Number(prefix ?? allBits);
    if (family === undefined || bits === 0 || bits > allBits) throw optionError(name, TAKES, entry);
    trusted.addSubnet(address, bits, family);
  }
  return (remoteAddress = '') => {
    const family = addressFamily(remoteAddress);
    // Also of IPv4, where an IPv6 socket shows it as `::ffff:10.0.0.1` (RFC 4291 §2.5.5.2).
    return family !== undefined && trusted.check(remoteAddress, family);
  };
}

/** Addresses with a zone (RFC 4007 §11) are none: what one names is different on each machine. */
function addressFamily(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}
