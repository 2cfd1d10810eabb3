import type { LedgerRecord, RecordContent } from '../ledger/record.js';
import type { Position, PositionStore, ReadLimits, Source, SourceReader } from './source.js';

/** How much waits in memory at most. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** A source without a ledger: it ends with the process. */
export class MemorySource implements Source {
  readonly stream = undefined;
  readonly #maxBytes: number;
  /** From `#freed + 1` on; freed ones are holes at the front until the array is compacted. */
  #records: (LedgerRecord | undefined)[] = [];
  #holes = 0;
  #freed = 0;
  #bytes = 0;
  #deliverable = 0;
  /** How far each reader is. */
  readonly #released = new Map<SourceReader, number>();
  readonly #callbacks = new Set<() => void>();

  /** @param maxBytes the bound on what waits here. Default: 64 MiB. */
  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get deliverable(): number {
    return this.#deliverable;
  }

  /** Bytes of what some reader has not released, as `append` was told them. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a record; readers hear of it at the next `announce`.
   *
   * @param bytes about what it weighs
   * @returns its sequence number, or undefined where it would not fit within the bound
   */
  append(content: RecordContent, bytes: number): number | undefined {
    if (this.#bytes + bytes > this.#maxBytes) return undefined;
    this.#deliverable += 1;
    const sequence = this.#deliverable;
    this.#records.push({
      sequence,
      previousHash: '',
      hash: '',
      recordedAt: '',
      content,
      bytes,
    });
    this.#bytes += bytes;
    return sequence;
  }

  /** Tells the lanes that there is more; once a turn is enough. */
  announce(): void {
    for (const callback of this.#callbacks) callback();
  }

  onGrowth(callback: () => void): () => void {
    const own = () => callback(); // the same function may be given twice
    this.#callbacks.add(own);
    return () => {
      this.#callbacks.delete(own);
    };
  }

  reader(): SourceReader {
    const reader: SourceReader = {
      read: (from, limits) => this.#read(from, limits),
      release: (upTo) => {
        const before = this.#released.get(reader);
        if (before === undefined || upTo <= before) return;
        this.#released.set(reader, upTo);
        this.#free();
      },
      close: async () => {
        if (this.#released.delete(reader)) this.#free();
      },
    };
    this.#released.set(reader, this.#freed);
    return reader;
  }

  #read(from: number, limits: ReadLimits): readonly LedgerRecord[] {
    const found: LedgerRecord[] = [];
    let bytes = 0;
    const start = this.#holes + from - this.#freed - 1;
    for (let at = start; at < this.#records.length && found.length < limits.count; at += 1) {
      const record = this.#records[at];
      if (record === undefined) break; // freed: its reader said that it will not ask again
      bytes += record.bytes;
      if (bytes > limits.bytes && found.length > 0) break;
      found.push(record);
    }
    return found;
  }

  /** Forgets what every reader has released. Without a reader nobody has. */
  #free(): void {
    if (this.#released.size === 0) return;
    const upTo = Math.min(this.#deliverable, ...this.#released.values());
    while (this.#freed < upTo) {
      this.#bytes -= this.#records[this.#holes]!.bytes;
      this.#records[this.#holes] = undefined;
      this.#holes += 1;
      this.#freed += 1;
    }
    // Moving the rest costs its length: only once it is the smaller part.
    if (this.#holes * 2 < this.#records.length) return;
    this.#records = this.#records.slice(this.#holes);
    this.#holes = 0;
  }
}

/** A position that ends with the process. */
export class MemoryPositions implements PositionStore {
  #position: Position = { acknowledged: 0, waiting: [] };

  get position(): Position {
    return this.#position;
  }

  async save(position: Position): Promise<void> {
    this.#position = position;
  }
}
