import fs from 'node:fs';
import { AuditError } from '../errors.js';
import { Chain } from './chain.js';
import { unavailable } from './files.js';
import { LineBuffer } from './line-buffer.js';
import { type LedgerRecord, parseRecord } from './record.js';
import { segmentIndexOf, segmentPath } from './segment.js';

/** The segments of a ledger, as they are now: a reader looks again at every read. */
export interface SegmentList {
  readonly directory: string;
  /** First sequence numbers, ascending. */
  readonly segments: readonly number[];
}

/** Bounds of one read. */
export interface ReadLimits {
  readonly count: number;
  /** Of lines; a first record larger than this is returned alone. */
  readonly bytes: number;
}

/** As much as a lane that is behind holds of its segment. */
const READ_BYTES = 256 * 1024;

/**
 * Reads records from the segments, in order, and checks the chain as it goes. A line at or past the
 * number at which the next segment begins is superseded and not looked at.
 */
export class RecordReader {
  readonly #ledger: SegmentList;
  #file: fs.promises.FileHandle | undefined;
  #segment = 0;
  #lines = new LineBuffer(0, 0);
  #chain = new Chain(0, undefined);
  #last: Promise<unknown> = Promise.resolve();

  constructor(ledger: SegmentList) {
    this.#ledger = ledger;
  }

  /**
   * The records from `from` to `upTo`, as many as the limits allow; where a fault stands in between,
   * those before it.
   *
   * @throws {AuditError} `ledger-corrupt`, naming file and record; `ledger-unavailable`.
   */
  read(from: number, upTo: number, limits: ReadLimits): Promise<LedgerRecord[]> {
    return this.#inTurn(() => this.#readSome(from, upTo, limits));
  }

  /** Lets go of the file, after a read that is under way. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#letGo());
  }

  /** One at a time: two would walk along the same file, and one would leave it open. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }

  async #readSome(from: number, upTo: number, limits: ReadLimits): Promise<LedgerRecord[]> {
    const records: LedgerRecord[] = [];
    try {
      await this.#read(from, upTo, limits, records);
      return records;
    } catch (error) {
      await this.#letGo(); // the file may be mended: begin anew the next time
      // What stands before the fault is good.
      if (records.length > 0) return records;
      if (error instanceof AuditError) throw error;
      throw unavailable(`${this.#path} cannot be read`, error);
    }
  }

  async #letGo(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#lines = new LineBuffer(0, 0);
    await file?.close();
  }

  get #path(): string {
    return segmentPath(this.#ledger.directory, this.#segment);
  }

  async #read(
    from: number,
    upTo: number,
    { count, bytes }: ReadLimits,
    records: LedgerRecord[],
  ): Promise<void> {
    let size = 0;
    let sequence = from;
    while (sequence <= upTo && records.length < count) {
      await this.#goTo(sequence);
      const lines = this.#lines;
      while (!lines.next()) {
        if ((await this.#fill()) === 0) throw this.#corrupt(sequence, 'is missing: the file ends');
      }
      const length = lines.end - lines.start;
      if (records.length > 0 && size + length > bytes) {
        lines.unread();
        break;
      }
      const fault = this.#chain.take(lines.bytes, lines.start, lines.end);
      if (fault !== undefined) {
        records.pop(); // the fault may be in the line before
        throw this.#corrupt(this.#chain.sequence, `: its line ${fault}`);
      }
      if (this.#chain.sequence <= sequence) continue; // on the way to where we begin
      records.push(this.#parse(length));
      size += length;
      sequence += 1;
    }
  }

  #parse(length: number): LedgerRecord {
    const { bytes, start, end } = this.#lines;
    try {
      return parseRecord(bytes.toString('utf8', start, end), length, this.#chain.previousHash!);
    } catch (error) {
      throw this.#corrupt(this.#chain.sequence - 1, `: ${(error as Error).message}`);
    }
  }

  /** Stands in the segment of a record, at it or before it. */
  async #goTo(sequence: number): Promise<void> {
    const { segments } = this.#ledger;
    const segment = segments[segmentIndexOf(segments, sequence)];
    if (segment === undefined) throw this.#corrupt(sequence, 'is in no segment');
    const chain = this.#chain;
    if (this.#file !== undefined && segment === this.#segment && chain.sequence <= sequence) return;
    // Walking on from the segment before, the chain goes on too; elsewhere the first line is believed.
    const goesOn = this.#file !== undefined && chain.sequence === segment;
    await this.#letGo();
    this.#segment = segment;
    this.#chain = new Chain(segment, goesOn ? chain.previousHash : undefined);
    this.#file = await fs.promises.open(this.#path, 'r');
    this.#lines = new LineBuffer(READ_BYTES, 0);
  }

  async #fill(): Promise<number> {
    const { at, length, position } = this.#lines.room();
    const { bytesRead } = await this.#file!.read(this.#lines.bytes, at, length, position);
    this.#lines.filled(bytesRead);
    return bytesRead;
  }

  #corrupt(sequence: number, fault: string): AuditError {
    const space = fault.startsWith(':') ? '' : ' ';
    return new AuditError(
      'ledger-corrupt',
      `${this.#path}: record ${sequence}${space}${fault}; restore the file from a copy`,
    );
  }
}

/**
 * Walks along the whole lines of a file, from its beginning or from a place in it, until `onLine`
 * returns false. Returns the buffer, whose rest is what follows the last line.
 */
export function scanLinesSync(
  path: string,
  bufferBytes: number,
  onLine: (lines: LineBuffer) => boolean,
  offset = 0,
): LineBuffer {
  const fd = fs.openSync(path, 'r');
  try {
    const lines = new LineBuffer(bufferBytes, offset);
    for (;;) {
      while (lines.next()) if (!onLine(lines)) return lines;
      const { at, length, position } = lines.room();
      const count = fs.readSync(fd, lines.bytes, at, length, position);
      if (count === 0) return lines;
      lines.filled(count);
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** Where the line of a record begins in a segment, in bytes; reads all that stands before it. */
export function findLineSync(path: string, sequence: number): number | undefined {
  const head = `{"seq":${sequence},"`;
  let found: number | undefined;
  scanLinesSync(path, READ_BYTES, ({ bytes, start, end, offset }) => {
    if (bytes.toString('latin1', start, start + head.length) !== head) return true;
    found = offset - (end - start) - 1;
    return false;
  });
  return found;
}

/** The line that begins at a place in a file, without its LF, or undefined. */
export function readLineSync(path: string, offset: number): Buffer | undefined {
  const fd = fs.openSync(path, 'r');
  try {
    const lines = new LineBuffer(16 * 1024, offset);
    for (;;) {
      if (lines.next()) return lines.bytes.subarray(lines.start, lines.end);
      const { at, length, position } = lines.room();
      const count = fs.readSync(fd, lines.bytes, at, length, position);
      if (count === 0) return undefined;
      lines.filled(count);
    }
  } finally {
    fs.closeSync(fd);
  }
}
