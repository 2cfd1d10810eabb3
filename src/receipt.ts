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
