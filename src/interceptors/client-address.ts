import { BlockList, isIP } from 'node:net';
import type { Actor } from '../event/event.js';
import { mappedIPv4 } from '../http/mapped-ipv4.js';
import { invalidOption, show } from '../http/options.js';

/**
 * Whose word about a client's address counts. A number: how many proxies stand before this server, the
 * nearest included, the only way to name one that calls by a Unix socket. A list: their addresses, `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`, or `loopback`,
 * `linklocal`, `uniquelocal`. Default: nobody's, so that the address is the connection's.
 */
export type TrustProxy = number | readonly string[];

/** The client's address, of the connection's and the header `X-Forwarded-For`; both anybody's. */
export type ClientAddress = (
  remote: string | undefined,
  forwarded: string | undefined,
) => string | undefined;

const MAX_HOPS = 32;
const NAMED: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
]);

/** @throws {AuditError} `invalid-option` */
export function compileTrustProxy(path: string, trust: TrustProxy | undefined): ClientAddress {
  if (trust === undefined || (Array.isArray(trust) && trust.length === 0)) {
    return (remote) => readAddress(remote);
  }
  const isTrusted = typeof trust === 'number' ? byCount(path, trust) : byAddress(path, trust);
  return (remote, forwarded) => {
    let client = readAddress(remote);
    let rest = forwarded ?? '';
    for (let hop = 0; rest !== '' && isTrusted(client, hop); hop += 1) {
      // Each proxy appends the address that it was called from, so only the right end can be believed.
      const comma = rest.lastIndexOf(',');
      const next = readAddress(rest.slice(comma + 1));
      if (next === undefined) break; // an obfuscated or broken one: the last address that is certain
      client = next;
      rest = comma < 0 ? '' : rest.slice(0, comma);
    }
    return client;
  };
}

/** @param address undefined for that of a Unix socket, which has none */
type IsTrusted = (address: string | undefined, hop: number) => boolean;

function byCount(path: string, count: number): IsTrusted {
  if (!Number.isInteger(count) || count < 0 || count > MAX_HOPS) {
    throw invalidOption(path, `must be a whole number from 0 to ${MAX_HOPS}, not ${count}`);
  }
  return (_address, hop) => hop < count;
}

function byAddress(path: string, list: readonly string[]): IsTrusted {
  if (!Array.isArray(list)) {
    throw invalidOption(
      path,
      `must be the number of proxies or a list of their addresses, not ${show(list)}; to trust everybody is to let everybody forge the address`,
    );
  }
  const trusted = new BlockList();
  for (const [index, entry] of list.entries()) {
    const ranges = NAMED.get(entry) ?? [entry];
    for (const range of ranges) addRange(`${path}[${index}]`, trusted, range);
  }
  return (address) =>
    address !== undefined && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function addRange(path: string, trusted: BlockList, range: unknown): void {
  const [, text = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(range)) ?? [];
  const family = isIP(text);
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (family === 0 || text.includes('%') || length > bits) {
    throw invalidOption(
      path,
      `must be an address, a range as '10.0.0.0/8', or loopback, linklocal or uniquelocal, not ${show(range)}`,
    );
  }
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8, as which such an address is looked up.
  const plain = readAddress(text)!;
  if (isIP(plain) === family) trusted.addSubnet(plain, length, family === 6 ? 'ipv6' : 'ipv4');
  else if (length >= 96) trusted.addSubnet(plain, length - 96, 'ipv4');
  else throw invalidOption(path, `is wider than IPv4: ${show(range)}`);
}

/**
 * An address alone, without port, brackets and zone; an IPv4 address that came mapped into IPv6 as IPv4.
 * Undefined for anything else.
 */
function readAddress(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 128) return undefined;
  const bare = text.trim();
  const address =
    /^\[([^\]]+)\](?::\d+)?$/.exec(bare)?.[1] ?? /^([\d.]+):\d+$/.exec(bare)?.[1] ?? bare;
  const family = isIP(address);
  if (family === 4) return address;
  if (family === 0) return undefined;
  const zone = address.indexOf('%');
  const lower = (zone < 0 ? address : address.slice(0, zone)).toLowerCase();
  return mappedIPv4(lower) ?? lower;
}

/**
 * The actor with the call's address, unless it has one; in Flipt's order. What no actor can be made of stays as
 * it is, for whoever records it to say so. Never throws.
 */
export function withAddress(
  actor: Actor | null | undefined,
  ip: string | undefined,
): Actor | undefined {
  if (actor === undefined || actor === null) return ip === undefined ? undefined : { ip };
  try {
    return addressed(actor, ip);
  } catch {
    return actor; // no object, or one that cannot be read
  }
}

function addressed(actor: Actor, ip: string | undefined): Actor {
  if (ip === undefined || (actor.ip !== undefined && actor.ip !== '')) return actor;
  if ('toJSON' in actor) return actor; // it says itself what is recorded of it
  // One literal for nearly all of them takes a tenth of the time; what is undefined JSON leaves out.
  const { authentication, email, name, picture } = actor;
  const known = { authentication, ip, email, name, picture };
  return Object.keys(actor).every((member) => Object.hasOwn(known, member))
    ? known
    : { ...known, ...actor, ip };
}
