import type { Producer } from '@platformatic/kafka';
import { ByteSink, REUSED_BYTES } from './byte-sink.js';
import type { KafkaRecord } from './producer.js';
import { encodeRecordBatch } from './record-batch.js';

export type Library = typeof import('@platformatic/kafka');
export type Client = Producer<Buffer, Buffer, Buffer, Buffer>;

/**
 * A client, and the numbers by which brokers know a repetition of what it sent. They count on as if all had been
 * stored, so that a session is over once something was not: a broker that had stored a part would take the next
 * records for that part, and drop them.
 */
export class Session {
  readonly library: Library;
  readonly client: Client;
  #who: { readonly producerId: bigint; readonly producerEpoch: number } | undefined;
  #version: ProduceVersion | undefined;
  readonly #next = new Map<string, number>();
  readonly #sink = new ByteSink(REUSED_BYTES);

  /** Of a Buffer alone, the client would make a copy first. */
  readonly #crc32c = (bytes: Buffer): number =>
    this.library.crc32c(this.library.Writer.create().append(bytes).dynamicBuffer);

  constructor(library: Library, client: Client) {
    this.library = library;
    this.client = client;
  }

  /** Asks the broker who this is, and how to talk to it. Needed once; more often does nothing. */
  async begin(): Promise<void> {
    if (this.#version === undefined) {
      const apis = await this.client.listApis();
      const most = apis.find(({ apiKey }) => apiKey === PRODUCE)?.maxVersion ?? 9;
      this.#version = most >= 9 ? 9 : 7;
    }
    this.#who ??= await this.client.initIdempotentProducer({});
  }

  get version(): ProduceVersion {
    return this.#version!;
  }

  /** Each partition's records as its next batch, good until {@link release}. */
  batches(
    topic: string,
    records: ReadonlyMap<number, readonly KafkaRecord[]>,
  ): Map<number, Buffer> {
    const batches = new Map<number, Buffer>();
    const timestamp = Date.now();
    this.#sink.lease();
    for (const [partition, those] of records) {
      const name = `${topic}/${partition}`;
      const firstSequence = this.#next.get(name) ?? 0;
      this.#next.set(name, (firstSequence + those.length) % SEQUENCES);
      const head = { timestamp, ...this.#who!, firstSequence };
      batches.set(partition, encodeRecordBatch(this.#sink, those, head, this.#crc32c));
    }
    return batches;
  }

  /** The batches of a call are stored. */
  release(): void {
    this.#sink.release();
  }
}

/** 9 is of Kafka 2.4; 7 is for what speaks Kafka's protocol and is older. */
export type ProduceVersion = 7 | 9;
export const PRODUCE = 0;
const SEQUENCES = 2 ** 31;
