const SEQUENCE = Buffer.from('{"seq":');
const PREVIOUS = Buffer.from(',"prev":"');
const HASH_LENGTH = 64;
const QUOTE = 0x22;
const ZERO = 0x30;

/**
 * Whether a line begins with this number and this hash of its predecessor, in the one form that the
 * ledger writes. A text is made of the hash alone: one of the whole head would take as long again as all
 * of this.
 */
export function beginsWith(
  bytes: Buffer,
  start: number,
  sequence: number,
  previousHash: string,
): boolean {
  let at = start;
  for (let n = 0; n < SEQUENCE.length; n += 1) if (bytes[at++] !== SEQUENCE[n]) return false;
  if (bytes[at] === ZERO) return false;
  let number = 0;
  for (let digit = digitOf(bytes[at]); digit >= 0; digit = digitOf(bytes[++at])) {
    number = number * 10 + digit;
  }
  if (number !== sequence) return false;
  for (let n = 0; n < PREVIOUS.length; n += 1) if (bytes[at++] !== PREVIOUS[n]) return false;
  const end = at + HASH_LENGTH;
  return bytes[end] === QUOTE && bytes.toString('latin1', at, end) === previousHash;
}

function digitOf(byte: number | undefined): number {
  const digit = (byte ?? 0) - ZERO;
  return digit <= 9 ? digit : -1;
}
