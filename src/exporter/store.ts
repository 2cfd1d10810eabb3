import type { Ledger } from '../ledger/ledger.js';
import type { RecordContent } from '../ledger/record.js';
import type { Destination, LaneStore } from './destination.js';

/** Keeps what was taken until the sinks have it: a ledger, or memory. */
export interface Store {
  /** Absent where records are in memory only. */
  readonly ledger: Ledger | undefined;
  /** The newest record's number, durable or not; 0 before the first. */
  readonly newest: number;
  /**
   * Keeps a record and returns its sequence number.
   *
   * @throws {AuditError}
   */
  append(content: RecordContent): number;
  /** The turn is over: what was appended is written, or may be delivered. */
  flush(): void;
  /**
   * What the lane to a sink takes its records from.
   *
   * @throws {AuditError} `ledger-corrupt` or `ledger-unavailable`, for the sink's cursor
   */
  open(destination: Destination): LaneStore;
  /** Forgets what is old enough, where the user said so. */
  retire(): void;
  /** Lets go of everything; nothing was appended. */
  abandon(): void;
  /** Takes nothing more that would only be lost: memory ends with the process, a ledger does not. */
  endIntake(): void;
  /**
   * Keeps everything that can be kept, and takes nothing more.
   *
   * @throws {AuditError} `ledger-unavailable` if something could not be kept.
   */
  close(): Promise<void>;
}
