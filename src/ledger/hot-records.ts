import { type LedgerRecord, type RecordContent, recorded } from './record.js';

/** A record from when it is accepted; its event may still hold objects of the application's. */
export class HotRecord {
  readonly sequence: number;
  content: RecordContent;
  // Not known before its line is made.
  previousHash = '';
  hash = '';
  recordedAt = '';
  bytes = 0;
  #body: string;

  /** @param body its line's part that is the content's own */
  constructor(sequence: number, content: RecordContent, body: string) {
    this.sequence = sequence;
    this.content = content;
    this.#body = body;
  }

  /** The line's part that is the content's own; empty once it was let go of. */
  get body(): string {
    return this.#body;
  }

  /** The line is there. Not before: who is told of a fault may end the process, and then the line is made again. */
  letGoOfBody(): void {
    this.#body = '';
  }
}

/** Below this many dead places at its head the array is not compacted. */
const COMPACT_AT = 4096;

/**
 * The newest records, kept in memory until they are on disk and every lane has passed them, or until
 * they take too much room.
 */
export class HotRecords {
  #records: (HotRecord | undefined)[] = [];
  #head = 0;
  /** The sequence number of the oldest record here, or the next one's if there is none. */
  #from: number;
  #bytes = 0;

  constructor(next: number) {
    this.#from = next;
  }

  get from(): number {
    return this.#from;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The record as others may see it; the recorded event is made for the first who asks. */
  get(sequence: number): LedgerRecord | undefined {
    const record = this.peek(sequence);
    if (record !== undefined) record.content = recorded(record.content);
    return record;
  }

  /** {@link get}, for those who read the event's texts only. */
  peek(sequence: number): HotRecord | undefined {
    return sequence < this.#from ? undefined : this.#records[this.#head + sequence - this.#from];
  }

  push(record: HotRecord): void {
    this.#records.push(record);
    this.#bytes += record.bytes;
  }

  /** Forgets records from the oldest on: all up to `passed`, and up to `may` while over `bound` bytes. */
  release(passed: number, may: number, bound: number): void {
    while (this.#from <= may && (this.#from <= passed || this.#bytes > bound)) {
      this.#bytes -= this.#records[this.#head]!.bytes;
      this.#records[this.#head] = undefined;
      this.#head += 1;
      this.#from += 1;
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }
}
