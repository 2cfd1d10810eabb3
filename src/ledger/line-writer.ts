import { codeOf } from './files.js';
import type { IdIndex } from './id-index.js';
import type { SegmentWriter } from './segment-writer.js';

/** The ledger, as the lines on their way into a segment see it. */
export interface LineWriterSubject {
  /** Whether lines may be written to the segment that is open. Asked for each write. */
  mayAppend(): boolean;
  /** Whether a segment may be begun. */
  mayBegin(): boolean;
  /**
   * Nothing can be written for now.
   *
   * @param mustRestart whether the newest segment can no longer be trusted
   */
  failed(cause: unknown, mustRestart: boolean): void;
  /** A segment was full, and the next one has begun. */
  rolled(): void;
}

const BUFFER_BYTES = 256 * 1024;
const LF = 0x0a;
/** Errors after which the file is as it was, and may be written on. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Builds lines in one reused buffer and writes many at once; begins the next segment where a line would
 * make the newest too large. What may not be written is let go of: its record is in memory.
 */
export class LineWriter {
  readonly #segments: SegmentWriter;
  readonly #ids: IdIndex;
  readonly #maxSegmentBytes: number;
  readonly #subject: LineWriterSubject;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** How much of the buffer is not written yet. */
  #filled = 0;
  #written: number;
  /** The newest record whose line is, or was, in the buffer. */
  #putUpTo = 0;
  #mustBegin: boolean;

  /**
   * @param written the newest record whose line is in a segment
   * @param mustBegin whether the first line is to begin a segment
   */
  constructor(
    segments: SegmentWriter,
    ids: IdIndex,
    maxSegmentBytes: number,
    written: number,
    mustBegin: boolean,
    subject: LineWriterSubject,
  ) {
    this.#segments = segments;
    this.#ids = ids;
    this.#maxSegmentBytes = maxSegmentBytes;
    this.#written = written;
    this.#mustBegin = mustBegin;
    this.#subject = subject;
  }

  /** The newest record whose line is in a segment. */
  get written(): number {
    return this.#written;
  }

  /**
   * Adds the line of the next record.
   *
   * @param line without its LF
   * @returns its bytes, likewise; they stand in the buffer until the next call
   */
  put(sequence: number, line: string): Uint8Array {
    const needed = line.length * 3 + 1; // a UTF-16 unit takes at most three bytes
    if (this.#filled + needed > this.#buffer.length) {
      this.#writeOut();
      if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(needed);
    }
    let start = this.#filled;
    const length = this.#buffer.write(line, start);
    this.#buffer[start + length] = LF;
    if (this.#mustBegin || this.#overflows(start, length + 1)) {
      this.#writeOut();
      this.#buffer.copyWithin(0, start, start + length + 1);
      start = 0;
      this.#begin(sequence);
      this.#ids.setOffset(sequence, 0);
    } else this.#ids.setOffset(sequence, this.#segments.size + start);
    this.#filled = start + length + 1;
    this.#putUpTo = sequence;
    // As a Buffer it would take twice as long.
    return new Uint8Array(this.#buffer.buffer, start, length);
  }

  /** Writes what is in the buffer. */
  flush(): void {
    this.#writeOut();
    // A large one goes with the line that needed it.
    if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** Forgets the buffer: the line after the last written one is put next. */
  rewind(): void {
    this.#filled = 0;
    this.#putUpTo = this.#written;
  }

  /** {@link rewind} to a new segment that begins with this record. @throws as `open` and `unlink` do */
  restartAt(first: number): void {
    this.#segments.restartAt(first);
    this.#mustBegin = false;
    this.#written = first - 1;
    this.rewind();
  }

  #overflows(filled: number, length: number): boolean {
    const size = this.#segments.size + filled;
    return size > 0 && size + length > this.#maxSegmentBytes;
  }

  #writeOut(): void {
    const length = this.#filled;
    this.#filled = 0;
    if (length === 0 || !this.#subject.mayAppend()) return;
    try {
      this.#segments.append(this.#buffer, length);
      this.#written = this.#putUpTo;
    } catch (error) {
      this.#subject.failed(error, !isFull(error));
    }
  }

  #begin(sequence: number): void {
    if (!this.#subject.mayBegin()) return;
    this.#mustBegin = true;
    try {
      // Were its tail lost with the power, and the new segment's first lines not, the gap would look
      // like damage.
      this.#segments.syncLast();
    } catch (error) {
      this.#subject.failed(error, true); // a failed sync, whatever its reason
      return;
    }
    try {
      this.#segments.begin(sequence);
    } catch (error) {
      this.#subject.failed(error, !isFull(error));
      return;
    }
    this.#mustBegin = false;
    this.#subject.rolled();
  }
}

function isFull(error: unknown): boolean {
  return FULL.has(codeOf(error) ?? '');
}
