import fs from 'node:fs';
import { AuditError } from '../errors.js';
import { LineBuffer } from '../ledger/line-buffer.js';
import { findStart } from '../ledger/opening.js';
import { scanLinesSync } from '../ledger/reader.js';
import { hashOf } from '../ledger/record.js';
import { segmentIndexOf, segmentPath } from '../ledger/segment.js';

/** What of a ledger is followed. */
export interface FollowedSegments {
  readonly directory: string;
  /** First sequence numbers, ascending; looked at again for every read. */
  readonly segments: readonly number[];
  /** The newest durable record's number. */
  readonly deliverable: number;
}

/** A durable record, as whoever recorded it knows it. */
export interface KnownRecord {
  readonly sequence: number;
  /** SHA-256 of its line, in hexadecimal; undefined if nobody knows it any more. */
  readonly hash: string | undefined;
}

/** Read at once; the application goes on in between. */
const READ_BYTES = 128 * 1024;
const NEAR_BYTES = 64 * 1024;
const RECENT_RECORDS = 16_384;

/** Reads the lines of durable records, in order, each once, and leaves no file open. */
export class Follower {
  readonly #ledger: FollowedSegments;
  /** The record whose line comes next, and where it begins. */
  #next: number;
  #segment: number;
  #offset: number;
  /** Kept from one read to the next: made anew each time it would cost as much as a hash. */
  #lines = new LineBuffer(READ_BYTES, 0);

  private constructor(
    ledger: FollowedSegments,
    place: { readonly next: number; readonly segment: number; readonly offset: number },
  ) {
    this.#ledger = ledger;
    this.#next = place.next;
    this.#segment = place.segment;
    this.#offset = place.offset;
  }

  /** Begins with a record that is the first of its segment, or that there is not yet. */
  static atStart(ledger: FollowedSegments, next: number): Follower {
    return new Follower(ledger, { next, segment: next, offset: 0 });
  }

  /**
   * Begins behind a record.
   *
   * @param onLine gets that record's line
   * @throws {AuditError} `ledger-corrupt` if it is not where it must be
   */
  static behindSync(
    ledger: FollowedSegments,
    sequence: number,
    onLine: (path: string, bytes: Buffer, start: number, end: number) => void,
  ): Follower {
    const { directory, segments, deliverable } = ledger;
    const index = segmentIndexOf(segments, sequence);
    const segment = segments[index];
    if (segment === undefined) throw corrupt(directory, sequence);
    const path = segmentPath(directory, segment);
    const from = findStart(path, segment, segments[index + 1] ?? deliverable + 1, sequence);
    let at = from.sequence;
    let found: number | undefined;
    const head = `{"seq":${sequence},`;
    scanLinesSync(
      path,
      NEAR_BYTES,
      ({ bytes, start, end, offset }) => {
        at += 1;
        if (at <= sequence) return true;
        if (bytes.toString('latin1', start, start + head.length) === head) {
          found = offset;
          onLine(path, bytes, start, end);
        }
        return false;
      },
      from.offset,
    );
    if (found === undefined) throw corrupt(path, sequence);
    return new Follower(ledger, { next: sequence + 1, segment, offset: found });
  }

  /**
   * Reads on, up to a durable record.
   *
   * @throws {AuditError} `ledger-corrupt` if the disk does not hold what was recorded; file errors as
   *   they are
   */
  async read(
    upTo: KnownRecord,
    onLine: (bytes: Buffer, start: number, end: number) => void,
  ): Promise<void> {
    while (this.#next <= upTo.sequence) {
      const { segments } = this.#ledger;
      const segment = segments[segmentIndexOf(segments, this.#next)];
      if (segment === undefined) throw corrupt(this.#ledger.directory, this.#next);
      if (segment !== this.#segment) {
        if (segment !== this.#next) throw corrupt(this.#path, this.#next);
        this.#segment = segment;
        this.#offset = 0;
      }
      await this.#readSegment(upTo, onLine);
    }
  }

  async #readSegment(
    upTo: KnownRecord,
    onLine: (bytes: Buffer, start: number, end: number) => void,
  ): Promise<void> {
    // What was written a moment ago is in the page cache: to fetch it from there takes less time than to
    // hand it to another thread. What is older may have to come from the disk.
    const isRecent = upTo.sequence - this.#next < RECENT_RECORDS;
    const fd = fs.openSync(this.#path, 'r');
    try {
      const lines = this.#lines;
      lines.seek(this.#offset);
      while (this.#next <= upTo.sequence && !this.#isElsewhere()) {
        while (!lines.next()) {
          if ((await this.#fill(fd, isRecent)) === 0) throw corrupt(this.#path, this.#next);
        }
        const { bytes, start, end } = lines;
        if (this.#next === upTo.sequence) this.#compare(upTo, bytes.subarray(start, end));
        onLine(bytes, start, end);
        this.#next += 1;
        this.#offset = lines.offset;
      }
    } finally {
      if (this.#lines.bytes.length > READ_BYTES) this.#lines = new LineBuffer(READ_BYTES, 0);
      fs.closeSync(fd);
    }
  }

  /** Reads on; the application gets its turn in between. */
  async #fill(fd: number, isRecent: boolean): Promise<number> {
    const { at, length, position } = this.#lines.room();
    const { bytes } = this.#lines;
    const count = await new Promise<number>((resolve, reject) => {
      if (isRecent) {
        setImmediate(() => {
          try {
            resolve(fs.readSync(fd, bytes, at, length, position));
          } catch (error) {
            reject(error);
          }
        });
        return;
      }
      fs.read(fd, bytes, at, length, position, (error, read) =>
        error === null ? resolve(read) : reject(error),
      );
    });
    this.#lines.filled(count);
    return count;
  }

  get #path(): string {
    return segmentPath(this.#ledger.directory, this.#segment);
  }

  /** A later segment begins here: what follows in this one is superseded. */
  #isElsewhere(): boolean {
    const { segments } = this.#ledger;
    return segments[segmentIndexOf(segments, this.#next)] !== this.#segment;
  }

  /** What somebody changed since it was recorded must not be signed. */
  #compare({ sequence, hash }: KnownRecord, line: Buffer): void {
    if (hash === undefined || hashOf(line) === hash) return;
    throw corrupt(this.#path, sequence);
  }
}

function corrupt(path: string, sequence: number): AuditError {
  return new AuditError(
    'ledger-corrupt',
    `${path} does not hold record ${sequence} as it was recorded; restore the file from a copy`,
  );
}
