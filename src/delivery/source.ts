import type { LedgerRecord } from '../ledger/record.js';

/** Where a lane takes its records from: a ledger, or memory. */
export interface Source {
  /** The ledger's UUID; undefined where there is no ledger. */
  readonly stream: string | undefined;
  /** The sequence number of the newest record that may be delivered, 0 before the first. */
  readonly deliverable: number;
  /** Calls back whenever `deliverable` has grown. Returns what ends that. */
  onGrowth(callback: () => void): () => void;
  reader(): SourceReader;
}

/** Bounds of one read. */
export interface ReadLimits {
  readonly count: number;
  /** Of lines; a first record larger than this is returned alone. */
  readonly bytes: number;
}

/** One lane's view of a source. */
export interface SourceReader {
  /**
   * The records from sequence number `from` on, in order and without gaps: at least one where
   * `from <= deliverable`, none otherwise. Hot records come at once, others are read from disk.
   *
   * @throws {AuditError} `ledger-corrupt` or `ledger-unavailable`
   */
  read(
    from: number,
    limits: ReadLimits,
  ): readonly LedgerRecord[] | Promise<readonly LedgerRecord[]>;
  /** Nothing up to this sequence number will be read again in passing: memory may forget it. */
  release(upTo: number): void;
  close(): Promise<void>;
}

/** How far a sink is. */
export interface Position {
  /** Every record up to this one is settled, but those in `waiting`. */
  readonly acknowledged: number;
  /** Records set aside, to be tried again beside the others; ascending. */
  readonly waiting: readonly number[];
}

/** Where a lane's position survives a restart. */
export interface PositionStore {
  readonly position: Position;
  /** Resolves once this position, or a later one, is kept. */
  save(position: Position): Promise<void>;
}

/** Where what a sink refused for good is kept. */
export interface DeadLetters {
  /** Resolves once it is durable. */
  add(record: LedgerRecord, reason: string, attempts: number): Promise<void>;
}
