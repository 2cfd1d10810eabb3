import { messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { invalidOption, requireMembers, requireWord, show } from '../http/options.js';
import { type Sink, SinkError } from '../sink.js';
import { ByteSink, REUSED_BYTES } from './kafka/byte-sink.js';
import {
  type CreateTopicOptions,
  type KafkaAuthentication,
  requireCreateTopic,
  requireSasl,
  requireServers,
  requireTls,
  requireTopic,
} from './kafka/options.js';
import { PlatformaticProducer } from './kafka/platformatic.js';
import type { KafkaProducer } from './kafka/producer.js';
import { SchemaRegistry, type SchemaRegistryOptions } from './kafka/registry.js';
import type { KafkaEncoding } from './kafka/schemas.js';
import { encodeEach, sendInParts } from './kafka/sending.js';

export type { HttpDispatcher } from '../http/undici.js';
export type { CreateTopicOptions, KafkaAuthentication } from './kafka/options.js';
export type { KafkaBatch, KafkaProducer, KafkaRecord } from './kafka/producer.js';
export type { SchemaRegistryOptions } from './kafka/registry.js';
export type { KafkaEncoding } from './kafka/schemas.js';

/** What {@link kafkaSink} takes. */
export interface KafkaSinkOptions {
  readonly topic: string;
  /** `host:port` of one broker or more. Not beside `producer`, which knows its own. */
  readonly bootstrapServers?: readonly string[] | undefined;
  /** Default: `protobuf`. */
  readonly encoding?: KafkaEncoding | undefined;
  readonly authentication?: KafkaAuthentication | undefined;
  /** Registers the schema as `<topic>-value`, and values carry Confluent's framing. Needs `undici`. */
  readonly schemaRegistry?: SchemaRegistryOptions | undefined;
  /** TLS 1.2 or later. Default: false. */
  readonly requireTls?: boolean | undefined;
  /** Accepts any certificate: for tests. Counts with `requireTls` alone. Default: false. */
  readonly insecureSkipTls?: boolean | undefined;
  /** Certificates in PEM to trust instead of Node's. */
  readonly ca?: string | Buffer | undefined;
  /** Makes the topic where it is missing. Default: false, and its absence is a fault. */
  readonly createTopic?: boolean | CreateTopicOptions | undefined;
  /** The record's key: events of one key keep their order. Default: the event's type, as in Flipt. */
  readonly key?: ((event: AuditEvent) => string) | undefined;
  /** Sends in place of a client of our own; used and not closed. */
  readonly producer?: KafkaProducer | undefined;
}

const SINK = 'kafkaSink';
const OF_THE_CLIENT = [
  'bootstrapServers',
  'authentication',
  'requireTls',
  'insecureSkipTls',
  'ca',
  'createTopic',
] as const;
const MEMBERS = [
  'topic',
  'encoding',
  'schemaRegistry',
  'key',
  'producer',
  ...OF_THE_CLIENT,
] as const;

/**
 * Sends events to a topic of Apache Kafka, in Flipt's schemas. Needs the package `@platformatic/kafka`, 1.35
 * or 2.12 (from Node 22.22) or later.
 *
 * A record's key is the event's type, its headers are `event-id`, `content-type` and, from within a span,
 * `traceparent`. What Flipt's schemas cannot say travels in further headers (docs/kafka.md). The producer is
 * idempotent, and a batch counts as stored once all in-sync replicas of every partition have it; where
 * some have not, only their events are sent again. Delivery is at least once: `event-id` tells.
 *
 * An event that cannot be encoded, or that the broker finds too large, is an event's fault; a refused login,
 * certificate or schema and a missing topic are the sink's, and its events wait; anything else is tried
 * again. Nothing is connected before the first event.
 *
 * @throws {AuditError} `invalid-option`, naming the option.
 * @example
 * new SinkSpanExporter({
 *   sinks: { kafka: kafkaSink({ topic: 'audit', bootstrapServers: ['kafka.example:9092'] }) },
 *   ledger: 'audit',
 * });
 */
export function kafkaSink(options: KafkaSinkOptions): Sink {
  const given = requireMembers(SINK, options, MEMBERS);
  const topic = requireTopic(`${SINK}.topic`, given.topic);
  const encoding = requireWord(`${SINK}.encoding`, given.encoding ?? 'protobuf', [
    'protobuf',
    'avro',
    'json',
  ]);
  const key = requireKey(given.key);
  const own = given.producer === undefined ? openProducer(given) : undefined;
  const producer = own ?? requireProducer(given);
  const { schemaRegistry } = given;
  const registry =
    schemaRegistry === undefined
      ? undefined
      : new SchemaRegistry(SINK, schemaRegistry, topic, encoding);
  const room = () => new ByteSink(own === undefined ? undefined : REUSED_BYTES);
  let values = room();
  const endings = new Set<(reason: unknown) => void>();
  let closed: SinkError | undefined;

  return {
    async sendAudits(events, { signal }) {
      if (closed !== undefined) throw closed;
      if (signal.aborted) throw abortion(signal.reason);
      if (events.length === 0) return;
      const ending = new AbortController();
      const end = (reason: unknown) => ending.abort(abortion(reason));
      const abort = () => end(signal.reason);
      signal.addEventListener('abort', abort);
      endings.add(end);
      const into = values;
      into.lease();
      try {
        const frame = await registry?.frame(ending.signal);
        const encoded = encodeEach(events, (event) => key(event), encoding, into, frame);
        await sendInParts(producer, {
          topic,
          encoded,
          count: events.length,
          signal: ending.signal,
        });
      } finally {
        // A producer that was told to end may still read; and one of the user's may keep what it got.
        if (ending.signal.aborted) values = room();
        else if (own !== undefined) into.release();
        endings.delete(end);
        signal.removeEventListener('abort', abort);
      }
    },
    async close() {
      closed ??= new SinkError('sink', `${SINK} is closed`);
      for (const end of endings) end(closed);
      own?.close();
      await registry?.close();
    },
  };
}

function abortion(reason: unknown): SinkError {
  return reason instanceof SinkError
    ? reason
    : new SinkError('transient', messageOf(reason), { cause: reason });
}

function openProducer(given: KafkaSinkOptions): PlatformaticProducer {
  return new PlatformaticProducer({
    sink: SINK,
    bootstrapServers: requireServers(`${SINK}.bootstrapServers`, given.bootstrapServers),
    sasl: requireSasl(`${SINK}.authentication`, given.authentication),
    tls: requireTls(SINK, given),
    createTopic: requireCreateTopic(`${SINK}.createTopic`, given.createTopic),
  });
}

function requireProducer(given: KafkaSinkOptions): KafkaProducer {
  const { producer } = given;
  if (typeof producer?.send !== 'function') {
    throw invalidOption(`${SINK}.producer`, `must have a function send, and is ${show(producer)}`);
  }
  for (const name of OF_THE_CLIENT) {
    if (given[name] !== undefined) {
      throw invalidOption(`${SINK}.${name}`, 'is not for a producer of yours, which has its own');
    }
  }
  return producer;
}

function requireKey(key: unknown): (event: AuditEvent) => string {
  if (key === undefined) return (event) => event.type;
  if (typeof key === 'function') return key as (event: AuditEvent) => string;
  throw invalidOption(`${SINK}.key`, `must be a function of the event, not ${show(key)}`);
}
