import fs from 'node:fs';
import { readManifestSync } from '../ledger/manifest.js';
import { openPlain, openPlainSync } from '../ledger/plain-file.js';
import { listSegmentsSync, segmentPath } from '../ledger/segment.js';
import type { LedgerFolder } from './ledgers.js';
import { readRecord, type StoredRecord } from './stored-record.js';

/** Which lines of a ledger are looked at. What is not excluded is handed over, and may not fit. */
export interface ScanQuery {
  /** Texts that a line must hold, each of them, as JSON and as bytes: the rarest first. */
  readonly needles?: readonly Buffer[];
  /** Records that were recorded from then on, and before then: milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Sequence numbers, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** A record where it stands. */
export interface Placed {
  readonly ledger: LedgerFolder;
  readonly record: StoredRecord;
  /** The exact line, without its LF. */
  readonly line: string;
}

export interface ScanOptions {
  /** Returns false to end the scan. */
  readonly onRecord: (placed: Placed) => boolean | undefined | Promise<boolean | undefined>;
  /** A line that is no record. */
  readonly onUnreadable?: (file: string) => void;
  readonly onRead?: (bytes: number) => void;
}

const LF = 0x0a;
/** Files are read in pieces of this size, which grow only for a line that is longer. */
const PIECE_BYTES = 4 * 2 ** 20;
/** No record is larger; a file without a line end must not be read into memory as a whole. */
export const MAX_LINE_BYTES = 2 ** 28;
/** Segments are skipped by the times of their first lines; so far may the host's clock have been set back. */
const CLOCK_MARGIN_MS = 3_600_000;

/** A segment that a scan reads, and the sequence number at which its lines are superseded. */
export interface ScannedSegment {
  readonly first: number;
  readonly end: number;
  readonly path: string;
  readonly bytes: number;
}

/** The segments of a ledger that may hold what is asked for, in order. */
export function segmentsFor(ledger: LedgerFolder, query: ScanQuery): ScannedSegment[] {
  const begin = beginOf(ledger.directory);
  const firsts = listSegmentsSync(ledger.directory).filter((first) => first >= begin);
  const times = new Map<number, number | undefined>();
  const timeAt = (index: number): number | undefined => {
    const first = firsts[index];
    if (first === undefined) return undefined;
    if (!times.has(first)) times.set(first, firstTimeSync(segmentPath(ledger.directory, first)));
    return times.get(first);
  };
  return firsts.flatMap((first, index) => {
    const end = firsts[index + 1] ?? Number.POSITIVE_INFINITY;
    if (query.from !== undefined && end <= query.from) return [];
    if (query.to !== undefined && first > query.to) return [];
    if (query.since !== undefined) {
      const next = timeAt(index + 1);
      if (next !== undefined && next + CLOCK_MARGIN_MS < query.since) return [];
    }
    if (query.until !== undefined) {
      const begin = timeAt(index);
      if (begin !== undefined && begin - CLOCK_MARGIN_MS >= query.until) return [];
    }
    const path = segmentPath(ledger.directory, first);
    const size = fs.statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined ? [] : [{ first, end, path, bytes: size }]; // retention may remove it
  });
}

/**
 * Where a ledger begins. What stands before it is about to be removed, or somebody has put it there: nothing that
 * `verify` does not look at may be shown as a record.
 */
function beginOf(directory: string): number {
  try {
    return readManifestSync(directory)?.first.sequence ?? 0;
  } catch {
    return 0; // `verify` says that it is damaged; what is there can be read all the same
  }
}

/** Walks along the records of a ledger that may be what is asked for, in order. */
export async function scanLedger(
  ledger: LedgerFolder,
  query: ScanQuery,
  options: ScanOptions,
): Promise<void> {
  for (const segment of segmentsFor(ledger, query)) {
    if (!(await scanSegment(ledger, segment, query, options))) return;
  }
}

async function scanSegment(
  ledger: LedgerFolder,
  { path, end }: ScannedSegment,
  query: ScanQuery,
  { onRecord, onUnreadable, onRead }: ScanOptions,
): Promise<boolean> {
  const { needles = [] } = query;
  const file = await openUnlessGone(path);
  if (file === undefined) return true;
  try {
    let piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(piece, filled, piece.length - filled, null);
      if (bytesRead === 0) return true; // what follows the last LF is a line in the making
      onRead?.(bytesRead);
      filled += bytesRead;
      const whole = piece.lastIndexOf(LF, filled - 1) + 1;
      const candidates = needles.length > 0 ? new Candidates(piece, whole, needles[0]!) : undefined;
      for (let at = 0; at < whole; ) {
        let start = at;
        if (candidates !== undefined) {
          const hit = candidates.next(at);
          if (hit < 0) break;
          start = hit === 0 ? 0 : piece.lastIndexOf(LF, hit - 1) + 1;
        }
        const lineEnd = piece.indexOf(LF, start);
        at = lineEnd + 1;
        const bytes = piece.subarray(start, lineEnd);
        if (!mayHold(bytes, query)) continue;
        const line = bytes.toString('utf8');
        const record = readRecord(line);
        if (record === undefined) onUnreadable?.(path);
        // At or past the next segment's first number a line is superseded.
        else if (record.seq < end && isAskedFor(record, query)) {
          if ((await onRecord({ ledger, record, line })) === false) return false;
        }
      }
      piece.copyWithin(0, whole, filled);
      filled -= whole;
      if (filled === piece.length) {
        if (filled > MAX_LINE_BYTES) {
          onUnreadable?.(path);
          return true;
        }
        const larger = Buffer.allocUnsafeSlow(filled * 2);
        piece.copy(larger, 0, 0, filled);
        piece = larger;
      }
    }
  } finally {
    await file.close();
  }
}

/** Whether a line may be what is asked for, as far as its bytes tell. */
export function mayHold(line: Buffer, { needles = [] }: ScanQuery): boolean {
  return needles.every(
    (needle) =>
      line.includes(needle) ||
      spellingsOf(needle).some((spelling) => indexOfEscape(line, spelling) >= 0),
  );
}

const UNICODE_ESCAPE = Buffer.from('\\u');
const SLASH_ESCAPE = Buffer.from('\\/');
const BACKSLASH = 0x5c;

/**
 * JSON can spell a letter as `\u0061`, and a slash as `\/`. Texts of others are recorded as they came, so a
 * line with such an escape may hold what is looked for though it does not look like it: nobody hides so.
 */
function spellingsOf(needle: Buffer): Buffer[] {
  return needle.includes('/') ? [UNICODE_ESCAPE, SLASH_ESCAPE] : [UNICODE_ESCAPE];
}

/** The next place of an escape; in `C:\\users` the backslash before the `u` is itself escaped. */
function indexOfEscape(bytes: Buffer, spelling: Buffer, from = 0): number {
  for (let at = bytes.indexOf(spelling, from); at >= 0; at = bytes.indexOf(spelling, at + 1)) {
    let before = at;
    while (before > 0 && bytes[before - 1] === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 0) return at;
  }
  return -1;
}

/** A running writer's retention may remove a segment at any time. */
async function openUnlessGone(path: string): Promise<fs.promises.FileHandle | undefined> {
  try {
    return await openPlain(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The places in a piece of a file where a line may be found. */
class Candidates {
  readonly #end: number;
  /** From a place on, the next one of each text that shows a candidate; -1 where it does not come any more. */
  readonly #seekers: readonly ((from: number) => number)[];
  readonly #hits: number[];

  constructor(piece: Buffer, end: number, needle: Buffer) {
    const bytes = piece.subarray(0, end);
    this.#end = end;
    this.#seekers = [
      (from) => bytes.indexOf(needle, from),
      ...spellingsOf(needle).map(
        (spelling) => (from: number) => indexOfEscape(bytes, spelling, from),
      ),
    ];
    this.#hits = this.#seekers.map((seek) => seek(0));
  }

  /** The next place at or behind another; -1 if there is none. */
  next(at: number): number {
    let next = this.#end;
    for (const [index, seek] of this.#seekers.entries()) {
      const hit = this.#hits[index]!;
      if (hit >= 0 && hit < at) this.#hits[index] = seek(at);
      if (this.#hits[index]! >= 0) next = Math.min(next, this.#hits[index]!);
    }
    return next === this.#end ? -1 : next;
  }
}

function isAskedFor({ seq, at }: StoredRecord, query: ScanQuery): boolean {
  const { from, to } = query;
  if ((from !== undefined && seq < from) || (to !== undefined && seq > to)) return false;
  return isWithin(at, query);
}

/** Whether a record was recorded in the time that is asked for. */
export function isWithin(at: string, { since, until }: ScanQuery): boolean {
  if (since === undefined && until === undefined) return true;
  const time = Date.parse(at);
  return (since === undefined || time >= since) && (until === undefined || time < until);
}

const HEAD_BYTES = 256;

/** When a segment's first record was recorded, in milliseconds since 1970, if that can be read. */
export function firstTimeSync(path: string): number | undefined {
  try {
    const fd = openPlainSync(path);
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      const length = fs.readSync(fd, head, 0, HEAD_BYTES, 0);
      const at = /^\{"seq":\d+,"prev":"[0-9a-f]{64}","at":"([^"]+)"/.exec(
        head.toString('latin1', 0, length),
      );
      const time = Date.parse(at?.[1] ?? '');
      return Number.isNaN(time) ? undefined : time;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return undefined; // whoever reads the segment will be told
  }
}
