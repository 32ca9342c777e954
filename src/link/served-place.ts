import { BlockList, isIPv6 } from 'node:net';
import type { ServedPlace } from './served.js';

/** Addresses of networks that are not the internet: RFC 1918, RFC 3927, RFC 4193 and RFC 4291. */
function privateAddresses(): BlockList {
  const list = new BlockList();
  list.addSubnet('10.0.0.0', 8);
  list.addSubnet('172.16.0.0', 12);
  list.addSubnet('192.168.0.0', 16);
  list.addSubnet('169.254.0.0', 16);
  list.addSubnet('fc00::', 7, 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  return list;
}

const PRIVATE = privateAddresses();

/** @param address as a socket tells it */
export function servedPlace(address: string): ServedPlace {
  // An IPv4 address as an IPv6 socket has it, and a link-local one with its interface.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (/^127\.|^::1$/.test(plain)) return 'device';
  return PRIVATE.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4') ? 'network' : 'elsewhere';
}
