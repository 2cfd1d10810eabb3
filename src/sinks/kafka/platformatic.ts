import { isIP } from 'node:net';
import type { Producer } from '@platformatic/kafka';
import { quote } from '../../http/quote.js';
import { SinkError } from '../../sink.js';
import { errorsIn, faultOf, isUnknownTopic, storedIn, textOf } from './fault.js';
import type { Cluster } from './options.js';
import type { KafkaBatch, KafkaProducer, KafkaRecord } from './producer.js';

type Library = typeof import('@platformatic/kafka');
type Client = Producer<Buffer, Buffer, Buffer, Buffer>;

/**
 * Sends with @platformatic/kafka, which is loaded when first needed: idempotent, acknowledged by all in-sync
 * replicas, to the partitions that Java's client would choose.
 *
 * A client that failed is thrown away. It would go on sending what we gave up, and it numbers the next
 * records as if nothing of the failed ones had arrived: a broker that did store some would take the next
 * ones for those, and drop them.
 */
export class PlatformaticProducer implements KafkaProducer {
  readonly #cluster: Cluster;
  #library: Library | undefined;
  #client: Client | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async send({ topic, records, signal }: KafkaBatch): Promise<void> {
    this.#library ??= await load(this.#cluster.sink);
    if (signal.aborted) throw signal.reason;
    this.#client ??= new this.#library.Producer({
      ...this.#options(),
      idempotent: true,
      metadataMaxAge: METADATA_MS,
    });
    const client = this.#client;
    const discard = () => this.#discard(client);
    signal.addEventListener('abort', discard);
    keepAlive(client, true);
    let partitions: number[] = [];
    try {
      const count = await this.#countPartitions(client, topic, signal);
      partitions = assign(this.#library, records, count);
      const messages = records.map((record, index) => toMessage(topic, record, partitions[index]!));
      await client.send({ messages });
    } catch (error) {
      discard();
      throw this.#failure(error, partitions);
    } finally {
      signal.removeEventListener('abort', discard);
      keepAlive(client, false);
    }
  }

  close(): void {
    if (this.#client !== undefined) this.#discard(this.#client);
  }

  #options() {
    const { bootstrapServers, sasl, tls } = this.#cluster;
    return {
      clientId: 'otel-audit',
      bootstrapBrokers: [...bootstrapServers],
      retries: RETRIES,
      retryDelay: RETRY_DELAY_MS,
      autocreateTopics: false,
      ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
      ...(tls === undefined ? {} : { tls: { ...tls, minVersion: 'TLSv1.2' as const } }),
      // Many a hosted broker is chosen by the name in the handshake; an address is no name.
      tlsServerName: !bootstrapServers.some(isAddress),
    };
  }

  async #countPartitions(client: Client, topic: string, signal: AbortSignal): Promise<number> {
    try {
      return await countOf(client, topic);
    } catch (error) {
      if (this.#cluster.createTopic === undefined || !errorsIn(error).some(isUnknownTopic))
        throw error;
    }
    await this.#createTopic(topic);
    // Brokers hear of a new topic one after another.
    for (let wait = 10; ; wait *= 2) {
      try {
        return await countOf(client, topic);
      } catch (error) {
        if (wait > MAX_WAIT_MS || signal.aborted || !errorsIn(error).some(isUnknownTopic))
          throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async #createTopic(topic: string): Promise<void> {
    const admin = new this.#library!.Admin(this.#options());
    try {
      await admin.createTopics({ topics: [topic], ...this.#cluster.createTopic });
    } catch (error) {
      // Another process was faster.
      if (!errorsIn(error).some(({ apiId }) => apiId === 'TOPIC_ALREADY_EXISTS')) throw error;
    } finally {
      end(admin);
    }
  }

  #discard(client: Client): void {
    if (this.#client === client) this.#client = undefined;
    end(client);
  }

  #failure(error: unknown, partitions: readonly number[]): SinkError {
    if (error instanceof SinkError) return error;
    const { sasl, sink, createTopic } = this.#cluster;
    const errors = errorsIn(error);
    const stored = storedIn(errors);
    const failed = [...partitions.keys()].filter((index) => !stored.has(partitions[index]!));
    const said = quote(textOf(errors), sasl === undefined ? [] : [sasl.password]);
    const unknown = errors.some(isUnknownTopic);
    const fault = unknown && createTopic !== undefined ? 'transient' : faultOf(errors);
    const advice = unknown && createTopic === undefined ? '; make it, or set createTopic' : '';
    return new SinkError(fault, `${sink}: ${said}${advice}`, {
      // The client's errors carry what it was given, the password included, so they stay here.
      ...(partitions.length > 0 ? { failed } : {}),
    });
  }
}

/** Within one attempt; they are what idempotence is for. Fewer than 2 mean for ever to the client. */
const RETRIES = 2;
const RETRY_DELAY_MS = 200;
const METADATA_MS = 60_000;
const MAX_WAIT_MS = 1000;

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

function toMessage(topic: string, { key, value, headers }: KafkaRecord, partition: number) {
  const named = new Map<Buffer, Buffer>();
  for (const [name, text] of headers) named.set(bytesOf(name), bytesOf(text));
  return { topic, partition, key: bytesOf(key), value, headers: named };
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

const known = new Map<string, Buffer>();
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 32; // longer ones, such as ids, do not come again

/** Names, content types and keys come again and again. */
function bytesOf(text: string): Buffer {
  if (text.length > MAX_KNOWN_LENGTH) return Buffer.from(text);
  let bytes = known.get(text);
  if (bytes === undefined) {
    bytes = Buffer.from(text);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(text, bytes);
  }
  return bytes;
}
