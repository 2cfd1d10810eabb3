/** How long `sendAudits` waits, and for what. */
export interface SendOptions {
  /** `durable`: in the ledger. `delivered`: at every sink, as always in this version. */
  readonly until?: 'durable' | 'delivered' | undefined;
  /** Milliseconds after which the promise rejects with `timeout`. Default: only the sinks' deadlines. */
  readonly timeoutMs?: number | undefined;
}

/** Proof that an event is in the ledger. */
export interface AuditReceipt {
  /** The event's id. */
  readonly recordId: string;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 over the record's line without its LF, in lower-case hexadecimal. */
  readonly hash: string;
  /** RFC 3339. */
  readonly recordedAt: string;
}
