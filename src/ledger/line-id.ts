import { parseRecord } from './record.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const SEQUENCE = Buffer.from('{"seq":');
const HASH_BYTES = 64;
const PREVIOUS = Buffer.from(',"prev":"');
const AT = Buffer.from('","at":"');
const ID = Buffer.from(',"id":"');

/** Where an id stands in the bytes of its line. */
export interface IdPlace {
  readonly from: number;
  readonly to: number;
}

/**
 * Finds the id in a line's bytes, without making a text of any of it; undefined where it is not plain
 * ASCII without an escape, or the line does not begin like a record.
 */
export function findPlainId(bytes: Buffer, start: number, end: number): IdPlace | undefined {
  let at = pass(bytes, start, SEQUENCE);
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at += 1;
  at = pass(bytes, at, PREVIOUS);
  at = pass(bytes, at + HASH_BYTES, AT);
  while (at < end && bytes[at] !== QUOTE) at += 1;
  const from = pass(bytes, at + 1, ID);
  if (Number.isNaN(from)) return undefined;
  for (let to = from; to < end; to += 1) {
    const byte = bytes[to]!;
    if (byte === QUOTE) return to > from ? { from, to } : undefined;
    if (byte === BACKSLASH || byte >= 0x80) return undefined;
  }
  return undefined;
}

/** The place behind a text that must stand here, or NaN, which no byte is behind. */
function pass(bytes: Buffer, at: number, text: Buffer): number {
  for (let n = 0; n < text.length; n += 1) if (bytes[at + n] !== text[n]) return Number.NaN;
  return at + text.length;
}

/** The id in a line's bytes; undefined if there is none to find. */
export function idOf(bytes: Buffer, start: number, end: number): string | undefined {
  const place = findPlainId(bytes, start, end);
  if (place !== undefined) return bytes.toString('latin1', place.from, place.to);
  try {
    return parseRecord(bytes.toString('utf8', start, end), end - start, '').content.id;
  } catch {
    return undefined;
  }
}
