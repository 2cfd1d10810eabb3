import { isIP } from 'node:net';

/**
 * The IPv4 address that came mapped into IPv6 (RFC 4291, 2.5.5.2), as a socket that listens to both tells
 * it; in any of its spellings: `::ffff:1.2.3.4`, `::ffff:102:304`. Undefined for any other text.
 *
 * @param address in lower case
 */
export function mappedIPv4(address: string): string | undefined {
  const [, tail, high = '', low = ''] =
    /^(?:0{0,4}:){2,5}ffff:(?:([\d.]+)|([\da-f]{1,4}):([\da-f]{1,4}))$/.exec(address) ?? [];
  if (tail !== undefined) return isIP(tail) === 4 ? tail : undefined;
  if (low === '') return undefined;
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}
