/** What became of the events since the exporter was made. */
export interface ExporterStats {
  /** Events that passed the checker and were taken. */
  readonly emitted: number;
  /** Events that the exporter's checker turned away. */
  readonly rejected: number;
  /** Span events with attributes of ours that do not make an event. */
  readonly malformed: number;
  /** Events that could not be kept. Anything but 0 is an alarm. */
  readonly dropped: number;
  /** Events that nobody recorded: `addEventToSpan` said so, or an interceptor told `diag`. Of the whole process. */
  readonly unrecorded: number;
  /** Records taken and not settled at every sink; without sinks, those not durable yet. */
  readonly pending: number;
  readonly sinks: Readonly<Record<string, SinkStats>>;
}

export interface SinkStats {
  /** Events that the sink stored. */
  readonly delivered: number;
  /** Events that the sink's own checker turned away. */
  readonly rejected: number;
  /** Attempts that failed; each is made again. */
  readonly failedAttempts: number;
  /** Events kept beside the ledger because the sink refused them for good. */
  readonly deadLetters: number;
  /** Events given up without a ledger, or set aside and gone from it before the next try. */
  readonly lost: number;
  /** Records that wait for this sink, those set aside for a later try included. */
  readonly backlog: number;
}

/** For a readiness probe. */
export interface ExporterHealth {
  readonly ok: boolean;
  /** What is wrong now. */
  readonly problems: readonly HealthProblem[];
}

export interface HealthProblem {
  /** The sink that is in trouble; absent: the ledger itself is. */
  readonly sink?: string;
  readonly message: string;
  /** For how long, in milliseconds. */
  readonly forMs: number;
  /** Records that wait for the sink, or bytes that wait for the disk. */
  readonly waiting: number;
}
