/** How long `sendAudits` waits, and for what. */
export interface SendOptions {
  /**
   * `durable`, the default: in the ledger. `delivered`: stored by every sink, as always where there is
   * no ledger.
   */
  readonly until?: 'durable' | 'delivered' | undefined;
  /** Milliseconds after which the promise rejects with `timeout`. Default: 30 000. */
  readonly timeoutMs?: number | undefined;
}
