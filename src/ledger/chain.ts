import { hashOf } from './record.js';

const HASH_LENGTH = 64;

/** Walks along the chain: each line must carry the next number and the hash of the line before. */
export class Chain {
  /** The sequence number that the next line must have. */
  sequence: number;
  /** The hash that the next line must carry; undefined: not known, the next line is believed. */
  previousHash: string | undefined;

  constructor(sequence: number, previousHash: string | undefined) {
    this.sequence = sequence;
    this.previousHash = previousHash;
  }

  /** Takes a line; undefined if it chains, otherwise what is wrong with it. */
  take(bytes: Buffer, start: number, end: number): string | undefined {
    const head = `{"seq":${this.sequence},"prev":"`;
    const found = bytes.toString('latin1', start, start + head.length + HASH_LENGTH);
    if (!found.startsWith(head)) return `is not record ${this.sequence}`;
    if (this.previousHash !== undefined && !found.endsWith(this.previousHash)) {
      return `does not carry the hash of record ${this.sequence - 1}: one of the two was altered`;
    }
    this.previousHash = hashOf(bytes.subarray(start, end));
    this.sequence += 1;
    return undefined;
  }
}

const RECORD = /\{"seq":(\d{1,16}),"prev":"([0-9a-f]{64})","at":"/g;
const LF = '\n';

/**
 * Whether bytes behind the last good line are more than a torn tail: the number of a record in them
 * that is no mere beginning of the next line, or undefined.
 */
export function findLaterRecord(rest: Buffer, next: Chain): number | undefined {
  const text = rest.toString('latin1');
  for (const match of text.matchAll(RECORD)) {
    const at = match.index;
    const sequence = Number(match[1]);
    if (at === 0 && sequence === next.sequence && match[2] === next.previousHash) continue;
    if (sequence < next.sequence) continue;
    if (at === 0 || text[at - 1] === LF || followsDamagedEnd(rest, text, at, match[2]!)) {
      return sequence;
    }
  }
  return undefined;
}

/**
 * A payload may hold what looks like a record; a real one behind a damaged LF carries the hash of what
 * stands before that.
 */
function followsDamagedEnd(rest: Buffer, text: string, at: number, previousHash: string): boolean {
  const start = text.lastIndexOf(LF, at - 1) + 1;
  return hashOf(rest.subarray(start, at - 1)) === previousHash;
}
