import fs from 'node:fs';
import { listSegmentsSync, segmentIndexOf, segmentPath } from '../ledger/segment.js';
import { type LedgerFolder, ledgersIn } from './ledgers.js';
import type { Placed, ScanQuery } from './scan.js';
import { readRecord } from './stored-record.js';

/** Where notices of changes fail, as on network disks, this is how often it looks by itself. */
const LOOK_MS = 1000;
const LF = 0x0a;
const PIECE_BYTES = 256 * 1024;
const MAX_LINE_BYTES = 2 ** 28;

/** Where one ledger is read on. */
interface Place {
  readonly ledger: LedgerFolder;
  /** The newest record that was seen. */
  newest: number;
  /** The segment that is read, by its first number, and how far. */
  segment: number | undefined;
  offset: number;
}

/** Tells of records as they are written, across segments, restarts and new slots. */
export class Follower {
  readonly #directory: string;
  readonly #query: ScanQuery;
  readonly #places = new Map<string, Place>();

  constructor(directory: string, query: ScanQuery) {
    this.#directory = directory;
    this.#query = query;
  }

  /** Records of this ledger up to this one are known already. */
  startAfter(ledger: LedgerFolder, newest: number): void {
    this.#places.set(ledger.directory, { ledger, newest, segment: undefined, offset: 0 });
  }

  /** Goes on until the signal, or until the callback returns false. */
  async run(signal: AbortSignal, onRecord: (placed: Placed) => Promise<boolean>): Promise<void> {
    const bell = new Bell();
    const watchers = new Map<string, fs.FSWatcher>();
    const end = () => bell.ring();
    signal.addEventListener('abort', end);
    const timer = setInterval(end, LOOK_MS);
    try {
      while (!signal.aborted) {
        const rung = bell.next();
        this.#findSlots();
        for (const place of this.#places.values()) {
          watch(place.ledger.directory, watchers, end);
          if (!(await this.#readOn(place, onRecord))) return;
        }
        if (!signal.aborted) await rung;
      }
    } finally {
      signal.removeEventListener('abort', end);
      clearInterval(timer);
      for (const watcher of watchers.values()) watcher.close();
    }
  }

  /** A worker that starts later has a slot of its own. */
  #findSlots(): void {
    try {
      for (const ledger of ledgersIn(this.#directory)) {
        if (!this.#places.has(ledger.directory)) this.startAfter(ledger, 0);
      }
    } catch {
      // Gone for the moment: what is known is followed on.
    }
  }

  async #readOn(place: Place, onRecord: (placed: Placed) => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const { directory } = place.ledger;
      let segments: number[];
      try {
        segments = listSegmentsSync(directory);
      } catch {
        return true; // not there for the moment
      }
      // A segment that begins at or before the record that comes next supersedes what stood there.
      const index = Math.max(0, segmentIndexOf(segments, place.newest + 1));
      const segment = segments[index];
      if (segment === undefined) return true;
      if (segment !== place.segment) {
        place.segment = segment;
        place.offset = 0;
      }
      const before = place.newest;
      const end = segments[index + 1] ?? Number.POSITIVE_INFINITY;
      if (!(await this.#readSegment(place, segment, end, onRecord))) return false;
      if (place.newest === before || place.newest + 1 < end) return true;
    }
  }

  async #readSegment(
    place: Place,
    segment: number,
    end: number,
    onRecord: (placed: Placed) => Promise<boolean>,
  ): Promise<boolean> {
    let file: fs.promises.FileHandle;
    try {
      file = await fs.promises.open(segmentPath(place.ledger.directory, segment), 'r');
    } catch {
      return true;
    }
    try {
      // After a repair the file is shorter than it was: what was cut off was no record.
      if ((await file.stat()).size < place.offset) place.offset = 0;
      let piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      let filled = 0;
      for (;;) {
        const { bytesRead } = await file.read(
          piece,
          filled,
          piece.length - filled,
          place.offset + filled,
        );
        if (bytesRead === 0) return true;
        filled += bytesRead;
        const whole = piece.lastIndexOf(LF, filled - 1) + 1;
        for (let at = 0; at < whole; ) {
          const lineEnd = piece.indexOf(LF, at);
          const line = piece.toString('utf8', at, lineEnd);
          at = lineEnd + 1;
          const record = readRecord(line);
          if (record === undefined || record.seq <= place.newest || record.seq >= end) continue;
          place.newest = record.seq;
          if (!isWithin(record.at, this.#query)) continue;
          if (!(await onRecord({ ledger: place.ledger, record, line }))) return false;
        }
        place.offset += whole;
        piece.copyWithin(0, whole, filled);
        filled -= whole;
        if (filled === piece.length) {
          if (filled > MAX_LINE_BYTES) return true;
          const larger = Buffer.allocUnsafeSlow(filled * 2);
          piece.copy(larger, 0, 0, filled);
          piece = larger;
        }
      }
    } finally {
      await file.close();
    }
  }
}

function isWithin(at: string, { since, until }: ScanQuery): boolean {
  const time = Date.parse(at);
  return (since === undefined || time >= since) && (until === undefined || time < until);
}

function watch(directory: string, watchers: Map<string, fs.FSWatcher>, onChange: () => void): void {
  if (watchers.has(directory)) return;
  try {
    const watcher = fs.watch(directory, onChange);
    watcher.on('error', () => {
      watcher.close();
      watchers.delete(directory); // the timer looks meanwhile
    });
    watchers.set(directory, watcher);
  } catch {
    // No notices here: the timer looks.
  }
}

/** Wakes who waits, or the next one who would. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, or at once if there was one since the last call. */
  next(): Promise<void> {
    const promise = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#rung) this.#wake?.();
    this.#rung = false;
    return promise;
  }
}
