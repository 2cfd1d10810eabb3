import { isIP } from 'node:net';
import { quote } from '../../http/quote.js';
import { SinkError } from '../../sink.js';
import { errorsIn, faultOf, isUnknownTopic, textOf } from './fault.js';
import type { Cluster } from './options.js';
import { produce, RETRIES, RETRY_DELAY_MS } from './produce.js';
import type { KafkaBatch, KafkaProducer, KafkaRecord } from './producer.js';
import { type Client, type Library, Session } from './session.js';

/**
 * Sends with @platformatic/kafka, which is loaded when first needed: idempotent, acknowledged by all in-sync
 * replicas, to the partitions that Java's client would choose. The connections, what is known of the cluster and
 * the requests' framing are the client's; the batches in them are ours. After any failure a new client begins.
 */
export class PlatformaticProducer implements KafkaProducer {
  readonly #cluster: Cluster;
  #library: Library | undefined;
  #session: Session | undefined;
  /** Where the servers are begun with: each session begins with the next. */
  #first = -1;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async send({ topic, records, signal }: KafkaBatch): Promise<void> {
    this.#library ??= await load(this.#cluster.sink);
    if (signal.aborted) throw signal.reason;
    const session = this.#openSession();
    const { client } = session;
    const discard = () => this.#discard(session);
    signal.addEventListener('abort', discard);
    keepAlive(client, true);
    let partitions: readonly number[] = [];
    let waiting: Map<number, Buffer> | undefined;
    try {
      const count = await this.#countPartitions(client, topic);
      await session.begin();
      partitions = assign(this.#library, records, count);
      waiting = session.batches(topic, groupBy(partitions, records));
      await produce(session, topic, waiting, signal);
      session.release();
    } catch (error) {
      discard();
      throw this.#failure(error, waiting && indicesIn(waiting, partitions));
    } finally {
      signal.removeEventListener('abort', discard);
      keepAlive(client, false);
    }
  }

  close(): void {
    if (this.#session !== undefined) this.#discard(this.#session);
  }

  #openSession(): Session {
    if (this.#session !== undefined) return this.#session;
    this.#first += 1;
    const client = new this.#library!.Producer({
      ...this.#options(),
      idempotent: true,
      metadataMaxAge: METADATA_MS,
    });
    this.#session = new Session(this.#library!, client);
    return this.#session;
  }

  #options() {
    const { bootstrapServers, sasl, tls } = this.#cluster;
    const first = this.#first % bootstrapServers.length;
    return {
      clientId: 'otel-audit',
      // The client asks the first that takes a connection, and one that hangs takes it and never answers.
      bootstrapBrokers: [...bootstrapServers.slice(first), ...bootstrapServers.slice(0, first)],
      retries: RETRIES,
      retryDelay: RETRY_DELAY_MS,
      autocreateTopics: false,
      ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
      ...(tls === undefined ? {} : { tls: { ...tls, minVersion: 'TLSv1.2' as const } }),
      // Many a hosted broker is chosen by the name in the handshake; an address is no name.
      tlsServerName: !bootstrapServers.some(isAddress),
    };
  }

  async #countPartitions(client: Client, topic: string): Promise<number> {
    try {
      return await countOf(client, topic);
    } catch (error) {
      if (this.#cluster.createTopic === undefined || !errorsIn(error).some(isUnknownTopic))
        throw error;
    }
    await this.#createTopic(topic);
    return countOf(client, topic);
  }

  async #createTopic(topic: string): Promise<void> {
    const admin = new this.#library!.Admin({ ...this.#options(), retries: PATIENT_RETRIES });
    try {
      await admin.createTopics({ topics: [topic], ...this.#cluster.createTopic }).catch((error) => {
        // Another process was faster.
        if (!errorsIn(error).some(({ apiId }) => apiId === 'TOPIC_ALREADY_EXISTS')) throw error;
      });
      await admin.metadata({ topics: [topic] });
    } finally {
      end(admin);
    }
  }

  #discard(session: Session): void {
    if (this.#session === session) this.#session = undefined;
    end(session.client);
  }

  /** @param failed the indices of the records that were not stored; undefined: nothing was sent */
  #failure(error: unknown, failed: readonly number[] | undefined): SinkError {
    if (error instanceof SinkError) return error;
    const { sasl, sink, createTopic } = this.#cluster;
    const errors = errorsIn(error);
    const said = quote(textOf(errors), sasl === undefined ? [] : [sasl.password]);
    const unknown = errors.some(isUnknownTopic);
    const fault = unknown && createTopic !== undefined ? 'transient' : faultOf(errors);
    const advice = unknown && createTopic === undefined ? '; make it, or set createTopic' : '';
    return new SinkError(fault, `${sink}: ${said}${advice}`, {
      // The client's errors carry what it was given, the password included, so they stay here.
      failed,
    });
  }
}

const METADATA_MS = 60_000;
/** Brokers hear of a new topic one after another. After 2 s it is for the lane to try again. */
const PATIENT_RETRIES = 10;

async function load(sink: string): Promise<Library> {
  try {
    return await import('@platformatic/kafka');
  } catch (error) {
    throw new SinkError(
      'sink',
      `${sink} needs the package @platformatic/kafka, which cannot be loaded: npm install @platformatic/kafka@1 (or @2 from Node 22.22), or give a producer of your own`,
      { cause: error },
    );
  }
}

async function countOf(client: Client, topic: string): Promise<number> {
  const { topics } = await client.metadata({ topics: [topic] });
  const count = topics.get(topic)?.partitionsCount ?? 0;
  if (count === 0) throw new Error(`the topic ${topic} has no partitions yet`);
  return count;
}

/** The partition of each record; keys come again and again, and hashing one takes longer than looking it up. */
function assign(library: Library, records: readonly KafkaRecord[], count: number): number[] {
  const chosen = new Map<string, number>();
  return records.map(({ key }) => {
    let partition = chosen.get(key);
    if (partition === undefined) {
      partition = library.compatibilityPartitioner(undefined as never, Buffer.from(key)) % count;
      chosen.set(key, partition);
    }
    return partition;
  });
}

function groupBy(
  partitions: readonly number[],
  records: readonly KafkaRecord[],
): Map<number, KafkaRecord[]> {
  const groups = new Map<number, KafkaRecord[]>();
  for (let index = 0; index < records.length; index += 1) {
    const partition = partitions[index]!;
    const group = groups.get(partition);
    if (group === undefined) groups.set(partition, [records[index]!]);
    else group.push(records[index]!);
  }
  return groups;
}

function indicesIn(waiting: ReadonlyMap<number, Buffer>, partitions: readonly number[]): number[] {
  return [...partitions.keys()].filter((index) => waiting.has(partitions[index]!));
}

function isAddress(server: string): boolean {
  return server.startsWith('[') || isIP(server.replace(/:\d+$/, '')) !== 0;
}

/** A connection keeps the process alive only while something is sent over it. */
function keepAlive(client: Client, alive: boolean): void {
  for (const [, { socket }] of client.connections) {
    if (alive) socket?.ref();
    else socket?.unref();
  }
}

/** Ends a client at once: a close that is polite waits for a broker that may hang. */
function end(client: Pick<Client, 'connections' | 'close'>): void {
  for (const [, connection] of client.connections) connection.socket?.destroy();
  Promise.resolve(client.close()).catch(() => {});
}
