import { MemoryPositions, MemorySource } from '../delivery/memory-source.js';
import { AuditError } from '../errors.js';
import { bodyOf, type RecordContent, recorded } from '../ledger/record.js';
import type { LaneStore } from './destination.js';
import type { Store } from './store.js';

const MAX_BYTES = 64 * 2 ** 20;
/** About what a record takes besides its texts. */
const RECORD_BYTES = 500;

/** Without a ledger: what waits for the sinks waits here, and ends with the process. */
export class MemoryStore implements Store {
  readonly ledger = undefined;
  readonly #source = new MemorySource(MAX_BYTES);
  readonly #queued: () => void;
  #closed = false;

  /** @param queued called when {@link flush} has something to do */
  constructor(queued: () => void) {
    this.#queued = queued;
  }

  get newest(): number {
    return this.#source.deliverable;
  }

  /** @throws {AuditError} `queue-full` at the bound; `shutdown` */
  append(content: RecordContent): number {
    if (this.#closed) {
      throw new AuditError('shutdown', 'the exporter is shut down; nothing more is taken');
    }
    const sequence = this.#source.append(recorded(content), RECORD_BYTES + bodyOf(content).length);
    if (sequence === undefined) {
      throw new AuditError(
        'queue-full',
        `${this.#source.bytes} bytes of events wait in memory for the sinks, and no more may; a ledger would keep them on disk`,
      );
    }
    this.#queued();
    return sequence;
  }

  flush(): void {
    this.#source.announce();
  }

  open(): LaneStore {
    return { source: this.#source, positions: new MemoryPositions() };
  }

  retire(): void {}

  abandon(): void {}

  endIntake(): void {
    this.#closed = true;
  }

  async close(): Promise<void> {}
}
