import fs from 'node:fs';
import { openPlainSync } from '../ledger/plain-file.js';
import type { LedgerFolder } from './ledgers.js';
import {
  isWithin,
  MAX_LINE_BYTES,
  mayHold,
  type Placed,
  type ScannedSegment,
  type ScanQuery,
  segmentsFor,
} from './scan.js';
import { readRecord, type StoredRecord } from './stored-record.js';

/** The end of a ledger, as it was when it was looked at. */
export interface Newest {
  /** The last records that were asked for, in order. */
  readonly placed: readonly Placed[];
  /** The newest record of all; undefined for a ledger without one. */
  readonly record: StoredRecord | undefined;
  /** The segment that is written, by its first number, and where its last whole line ends. */
  readonly segment: number | undefined;
  readonly offset: number;
}

/**
 * The newest records of a ledger, read from its end: as little is read as it takes to find so many.
 *
 * @param count how many at most
 */
export function newestOf(
  ledger: LedgerFolder,
  query: ScanQuery,
  count: number,
  accepts: (record: StoredRecord) => boolean = () => true,
): Newest {
  const placed: Placed[] = [];
  let record: StoredRecord | undefined;
  let offset = 0;
  const segments = segmentsFor(ledger, {});
  const last = segments.at(-1);
  const asked = new Set(segmentsFor(ledger, query).map(({ first }) => first));
  for (const segment of segments.reverse()) {
    const isAsked = asked.has(segment.first);
    // The newest record of all is wanted in any case: who follows goes on from there.
    const isDone = () => record !== undefined && (!isAsked || placed.length >= count);
    if (isDone()) continue;
    forEachLineBackwards(segment, (bytes, end) => {
      if (segment === last && offset === 0) offset = end;
      const isWanted = isAsked && placed.length < count && mayHold(bytes, query);
      if (record !== undefined && !isWanted) return !isDone();
      const line = bytes.toString('utf8');
      const found = readRecord(line);
      // At or past the next segment's first number a line is superseded.
      if (found === undefined || found.seq >= segment.end) return true;
      record ??= found;
      if (isWanted && isWithin(found.at, query) && accepts(found)) {
        placed.push({ ledger, record: found, line });
      }
      return !isDone();
    });
  }
  return { placed: placed.reverse(), record, segment: last?.first, offset };
}

const LF = 0x0a;
/** Read at once; a line that is longer makes it larger. */
const PIECE_BYTES = 64 * 1024;
const LARGER_PIECE_BYTES = 2 ** 20;

/**
 * Walks along the whole lines of a segment from its end, until `onLine` returns false.
 *
 * @param onLine is given the line and where in the file it ends, its LF included
 */
function forEachLineBackwards(
  { path, bytes: size }: ScannedSegment,
  onLine: (line: Buffer, end: number) => boolean,
): void {
  let fd: number;
  try {
    fd = openPlainSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // retention has removed it
    throw error;
  }
  try {
    let end = size;
    let isWhole = false; // what stands behind the last LF is a line in the making
    for (let length = PIECE_BYTES; end > 0 && length <= MAX_LINE_BYTES; ) {
      const start = Math.max(0, end - length);
      const piece = Buffer.allocUnsafe(end - start);
      const read = fs.readSync(fd, piece, 0, piece.length, start);
      let stop: number = isWhole ? read : piece.lastIndexOf(LF, read - 1) + 1;
      isWhole ||= stop > 0;
      for (;;) {
        const before: number = stop < 2 ? -1 : piece.lastIndexOf(LF, stop - 2);
        if (stop < 1 || (before < 0 && start > 0)) break; // it begins further in front
        if (!onLine(piece.subarray(before + 1, stop - 1), start + stop)) return;
        stop = before + 1;
      }
      length = start + stop === end ? length * 4 : Math.max(length, LARGER_PIECE_BYTES);
      end = start + stop;
      if (!isWhole && start > 0) end = start;
    }
  } finally {
    fs.closeSync(fd);
  }
}
