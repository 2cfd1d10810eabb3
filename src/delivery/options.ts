/** How a lane moves events to its sink. Every member has a default. */
export interface DeliveryOptions {
  /** Events a batch. Default: 512. */
  readonly maxBatch?: number | undefined;
  /** Bytes of event JSON a batch; a larger event travels alone. Default: 1 MiB. */
  readonly maxBatchBytes?: number | undefined;
  /** How long events wait for company while nobody waits for them. Default: 1000. */
  readonly maxDelayMs?: number | undefined;
  /** Deadline of one attempt, waiting for earlier batches included. Default: 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Exponential backoff with full jitter. Default: from 1 s to 30 s, doubling. */
  readonly backoff?:
    | {
        readonly initialMs?: number | undefined;
        readonly maxMs?: number | undefined;
        readonly factor?: number | undefined;
      }
    | undefined;
  /**
   * With a ledger: how long an event that keeps failing alone, while others get through, is tried
   * before it becomes a dead letter; default 24 h. Without one: how long a batch is tried before it
   * is given up; default 5 minutes.
   */
  readonly maxElapsedMs?: number | undefined;
}
