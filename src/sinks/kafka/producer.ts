/** A record as it goes to the broker. */
export interface KafkaRecord {
  /** In UTF-8. Records of one key must keep their order. */
  readonly key: string;
  readonly value: Buffer;
  /** Names and values; all are texts in UTF-8. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Records that are sent together, about 900 KB at most unless a single one is larger. */
export interface KafkaBatch {
  readonly topic: string;
  readonly records: readonly KafkaRecord[];
  /** Aborted at the deadline and when the sink is closed. */
  readonly signal: AbortSignal;
}

/**
 * What sends records; fill it to use a client of yours. One attempt: the exporter repeats what failed.
 *
 * @example
 * const producer: KafkaProducer = {
 *   send: async ({ topic, records }) => {
 *     const messages = records.map(({ key, value, headers }) => ({
 *       key,
 *       value,
 *       headers: Object.fromEntries(headers),
 *     }));
 *     await kafkajsProducer.send({ topic, acks: -1, messages });
 *   },
 * };
 */
export interface KafkaProducer {
  /**
   * Resolves once every partition has acknowledged, with all its in-sync replicas. Never called while an
   * earlier call is pending.
   *
   * @throws {SinkError} to say whose fault it is, and in `failed` which indices of `records` were not
   *   stored; absent: none was. Anything else counts as `transient`.
   */
  send(batch: KafkaBatch): Promise<void>;
}
