import type { FileHandle } from 'node:fs/promises';
import { LineBuffer } from '../ledger/line-buffer.js';
import { openPlain } from '../ledger/plain-file.js';
import { hashOf } from '../ledger/record.js';
import { listSegmentsSync, segmentIndexOf, segmentPath } from '../ledger/segment.js';
import { Bell } from './bell.js';
import { type LedgerFolder, ledgersIn } from './ledgers.js';
import type { Newest } from './newest.js';
import { isWithin, MAX_LINE_BYTES, type Placed, type ScanQuery } from './scan.js';
import { readRecord, type StoredRecord } from './stored-record.js';

const PIECE_BYTES = 256 * 1024;
/** So many of the newest records are known by their hashes, should a segment supersede them. */
const MAX_TOLD = 16_384;

/** Where one ledger is read on. */
interface Place {
  readonly ledger: LedgerFolder;
  /** The newest record that was seen. */
  newest: number;
  /** The segment that is read, by its first number, and how far. */
  segment: number | undefined;
  offset: number;
  /** Hashes by their records' numbers: what a new segment repeats is not told again. */
  readonly told: Map<number, string>;
}

type OnRecord = (placed: Placed) => Promise<boolean>;

/** Tells of records as they are written, across segments, restarts and new slots. */
export class Follower {
  readonly #directory: string;
  readonly #query: ScanQuery;
  readonly #places = new Map<string, Place>();

  constructor(directory: string, query: ScanQuery) {
    this.#directory = directory;
    this.#query = query;
  }

  /** What a ledger held when it was looked at is known already. */
  startAfter(ledger: LedgerFolder, { record, segment, offset }: Newest): void {
    this.#add({ ledger, newest: record?.seq ?? 0, segment, offset, told: new Map() });
  }

  /** Goes on until the signal, or until the callback returns false. */
  async run(signal: AbortSignal, onRecord: OnRecord): Promise<void> {
    const bell = new Bell(signal);
    try {
      bell.watch(this.#directory);
      while (!signal.aborted) {
        this.#findSlots();
        for (const place of this.#places.values()) {
          bell.watch(place.ledger.directory);
          if (!(await readOn(place, this.#query, onRecord, signal))) return;
        }
        await bell.next();
      }
    } finally {
      bell.close();
    }
  }

  #add(place: Place): void {
    this.#places.set(place.ledger.directory, place);
  }

  /** A worker that starts later has a slot of its own. */
  #findSlots(): void {
    try {
      for (const ledger of ledgersIn(this.#directory)) {
        if (this.#places.has(ledger.directory)) continue;
        this.#add({ ledger, newest: 0, segment: undefined, offset: 0, told: new Map() });
      }
    } catch {
      // Gone for the moment: what is known is followed on.
    }
  }
}

/** Reads to the end of what there is; returns false where the callback does. */
async function readOn(
  place: Place,
  query: ScanQuery,
  onRecord: OnRecord,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    let segments: number[];
    try {
      segments = listSegmentsSync(place.ledger.directory);
    } catch {
      return true; // not there for the moment
    }
    heedSuperseding(place, segments);
    const index = Math.max(0, segmentIndexOf(segments, place.newest + 1));
    const segment = segments[index];
    if (segment === undefined) return true;
    if (segment !== place.segment) {
      place.segment = segment;
      place.offset = 0;
    }
    const before = place.newest;
    const end = segments[index + 1] ?? Number.POSITIVE_INFINITY;
    if (!(await readSegment(place, end, query, onRecord, signal))) return false;
    if (place.newest === before || place.newest + 1 < end) return true;
  }
  return true;
}

/** A segment that begins before the end of the one that was read counts from there on. */
function heedSuperseding(place: Place, segments: readonly number[]): void {
  const { segment, newest } = place;
  if (segment === undefined) return;
  const superseding = segments.find((first) => first > segment && first <= newest);
  if (superseding !== undefined) place.newest = superseding - 1;
}

async function readSegment(
  place: Place,
  end: number,
  query: ScanQuery,
  onRecord: OnRecord,
  signal: AbortSignal,
): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await openPlain(segmentPath(place.ledger.directory, place.segment!));
  } catch {
    return true;
  }
  try {
    // After a repair the file is shorter than it was: what was cut off was no record.
    if ((await file.stat()).size < place.offset) place.offset = 0;
    const lines = new LineBuffer(PIECE_BYTES, place.offset);
    while (!signal.aborted) {
      while (lines.next()) {
        place.offset = lines.offset;
        const line = lines.bytes.toString('utf8', lines.start, lines.end);
        const record = newsIn(place, line, end);
        if (record === undefined || !isWithin(record.at, query)) continue;
        if (!(await onRecord({ ledger: place.ledger, record, line }))) return false;
      }
      if (lines.rest.length > MAX_LINE_BYTES) return true;
      const { at, length, position } = lines.room();
      const { bytesRead } = await file.read(lines.bytes, at, length, position);
      if (bytesRead === 0) return true;
      lines.filled(bytesRead);
    }
    return true;
  } finally {
    await file.close();
  }
}

/** The record of a line, unless it is known already; it is known from now on. */
function newsIn(place: Place, line: string, end: number): StoredRecord | undefined {
  const record = readRecord(line);
  if (record === undefined || record.seq <= place.newest || record.seq >= end) return undefined;
  const { told } = place;
  const hash = hashOf(Buffer.from(line));
  const isRepeated = told.get(record.seq) === hash;
  place.newest = record.seq;
  told.delete(record.seq);
  told.set(record.seq, hash);
  if (told.size > MAX_TOLD) told.delete(told.keys().next().value!);
  return isRepeated ? undefined : record;
}
