/** What became of the events since the exporter was made. */
export interface ExporterStats {
  /** Events that passed the checker and were taken. */
  readonly emitted: number;
  /** Events that the exporter's checker turned away. */
  readonly rejected: number;
  /** Span events with attributes of ours that do not make an event. */
  readonly malformed: number;
  /** Events taken and not yet settled at every sink. */
  readonly pending: number;
  readonly sinks: Readonly<Record<string, SinkStats>>;
}

export interface SinkStats {
  /** Events that the sink stored. */
  readonly delivered: number;
  /** Events that the sink's own checker turned away. */
  readonly rejected: number;
  /** Events of batches that the sink did not store. */
  readonly failed: number;
}

/** For a readiness probe. */
export interface ExporterHealth {
  readonly ok: boolean;
  /** The sinks whose last batch failed, with the reason. */
  readonly problems: readonly HealthProblem[];
}

export interface HealthProblem {
  readonly sink: string;
  readonly message: string;
  /** For how long, in milliseconds. */
  readonly forMs: number;
}
