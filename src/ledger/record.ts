import type { AuditEvent, EventTrace } from '../event/event.js';

/** What a ledger keeps of one event, or of something that should have been one. */
export type RecordContent = EventContent | MalformedContent;

export interface EventContent {
  readonly id: string;
  readonly event: AuditEvent;
  /** Recorded after its span had ended. */
  readonly late?: boolean;
}

/** A span event with attributes of ours that do not make an event. */
export interface MalformedContent {
  readonly id: string;
  readonly event?: undefined;
  readonly late?: boolean;
  readonly trace: EventTrace | undefined;
  readonly reason: string;
  /** The attributes as JSON text, an object on one line. */
  readonly attributesText: string;
}

/** One line of the ledger. Without a ledger hashes and `recordedAt` are empty texts. */
export interface LedgerRecord {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 of the line before, in lower-case hexadecimal. */
  readonly previousHash: string;
  /** SHA-256 of this line without its LF. */
  readonly hash: string;
  /** When the ledger took it, RFC 3339. */
  readonly recordedAt: string;
  readonly content: RecordContent;
  /** The line's length without its LF; without a ledger an estimate. */
  readonly bytes: number;
}
