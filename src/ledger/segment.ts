import fs from 'node:fs';
import { join } from 'node:path';

const DIGITS = 20;
const NAME = /^(\d{20})\.jsonl$/;

/** The file of the segment whose first record has this sequence number. */
export function segmentName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.jsonl`;
}

export function segmentPath(directory: string, first: number): string {
  return join(directory, segmentName(first));
}

/** The first sequence numbers of a ledger's segments, ascending. */
export function listSegmentsSync(directory: string): number[] {
  return fs
    .readdirSync(directory)
    .flatMap((name) => {
      const first = Number(NAME.exec(name)?.[1] ?? Number.NaN);
      return Number.isSafeInteger(first) ? [first] : [];
    })
    .sort((a, b) => a - b);
}

/** The index of the segment that holds a record: the last that begins at or before it. */
export function segmentIndexOf(segments: readonly number[], sequence: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]! <= sequence) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
