import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Burst } from '../burst.js';
import { type Clock, systemClock } from '../clock.js';
import { warn } from '../diagnostics.js';
import type { SpanResource } from '../event/span-resource.js';
import { createHttpClient } from '../http/client.js';
import { type HeaderValues, requireHeaders } from '../http/headers.js';
import { requireMembers, requireWord } from '../http/options.js';
import type { HttpDispatcher } from '../http/undici.js';
import { requireUrl } from '../http/url.js';
import { type Sink, SinkError } from '../sink.js';
import { toLogBatch } from './otlp/batch.js';
import type { LogRecord } from './otlp/log-record.js';
import { Observed } from './otlp/observed.js';
import { readReply } from './otlp/reply.js';
import { ResourceSource, requireResource } from './otlp/resource.js';
import { type LogsSerializer, loadSerializers, type Serializers } from './otlp/serializer.js';
import { secondsBetween } from './otlp/time.js';

export type { SpanResource as OtlpResource } from '../event/span-resource.js';
export type { HeaderValue, HeaderValues } from '../http/headers.js';
export type { HttpDispatcher } from '../http/undici.js';

/** What {@link otlpSink} takes. */
export interface OtlpSinkOptions {
  /** http or https, the path included. Default: `http://localhost:4318/v1/audit`. */
  readonly url?: string | URL | undefined;
  /**
   * Headers of your own. A function is asked before each request, for tokens that expire: let it
   * remember what is costly. When it fails the events wait.
   */
  readonly headers?: HeaderValues | undefined;
  /** Default: `protobuf`. */
  readonly encoding?: 'protobuf' | 'json' | undefined;
  /** Default: `none`. */
  readonly compression?: 'gzip' | 'none' | undefined;
  /**
   * Default: that of the last span that the exporter or an `AuditSpanProcessor` saw in this process;
   * while there was none, what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say. It is that of the
   * process that sends: events that an earlier one left in the ledger get it too.
   */
  readonly resource?: SpanResource | undefined;
  /**
   * A dispatcher of undici 7 or 8, for a custom CA, a client certificate or a proxy. It is used and not
   * closed. Default: a pool of one connection.
   */
  readonly dispatcher?: HttpDispatcher | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const SINK = 'otlpSink';
const MEMBERS = [
  'url',
  'headers',
  'encoding',
  'compression',
  'resource',
  'dispatcher',
  'clock',
] as const;

const DEFAULT_URL = 'http://localhost:4318/v1/audit';
const CONTENT_TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' };
/** A larger difference between Timestamp and ObservedTimestamp is told, as the draft asks. */
const MAX_SKEW_SECONDS = 5;

/**
 * Sends events as OTLP log records by OpenTelemetry's audit-logging draft (OTEP 0267), a request a
 * batch, to a Collector or any other receiver of OTLP over HTTP. Needs the packages `undici` and
 * `@opentelemetry/otlp-transformer` (0.223, or 0.30x from Node 22.15).
 *
 * EventName is `<type>.<action>`, Body the payload, and the attributes are the draft's `audit.*`.
 * ObservedTimestamp is when the ledger took the event. Under `otel_audit.` travel the place in the
 * ledger (`ledger.sequence`, `.hash`, `.previous_hash`, `.stream`), the actor as JSON (`actor`), a status
 * that the outcome does not say in full (`status`), a timestamp that says more than an instant
 * (`timestamp`), and the payload as JSON (`payload`) where Body cannot give it back exactly: in Body a
 * number that no double holds, or an integer beyond 2^53, is a string.
 *
 * A batch of which anything is rejected counts as not stored and is sent again, 207 likewise; the
 * receiver knows `audit.record.id` again. 400, 409 (an id came with other content), 413, 415 and 422 are
 * an event's fault; 408, 425, 429, 5xx but 501 and connection errors are tried again; anything else is the
 * sink's fault, and its events wait.
 *
 * @throws {AuditError} `invalid-option`, naming the option.
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 * @example
 * new SinkSpanExporter({
 *   sinks: { collector: otlpSink({ url: 'https://collector.example/v1/audit' }) },
 *   ledger: 'audit',
 * });
 */
export function otlpSink(options: OtlpSinkOptions = {}): Sink {
  const given = requireMembers(SINK, options, MEMBERS);
  const encoding = requireWord(`${SINK}.encoding`, given.encoding ?? 'protobuf', [
    'protobuf',
    'json',
  ]);
  const compression = requireWord(`${SINK}.compression`, given.compression ?? 'none', [
    'gzip',
    'none',
  ]);
  const clock = given.clock ?? systemClock;
  const url = requireUrl(`${SINK}.url`, given.url ?? DEFAULT_URL);
  const client = createHttpClient({
    sink: SINK,
    url,
    headers: requireHeaders(`${SINK}.headers`, given.headers, {
      defaults: {
        'content-type': CONTENT_TYPES[encoding],
        ...(compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
      },
      reserved: ['content-type', 'content-encoding'],
    }),
    connections: 1,
    dispatcher: given.dispatcher,
    clock,
  });
  const resources = new ResourceSource(requireResource(`${SINK}.resource`, given.resource));
  const observed = new Observed(clock);
  const observe: Observed['at'] = (event, info) => observed.at(event, info);
  const skews = new Burst(clock, warn);
  const remarks = new Burst(clock, warn);
  let serializers: Serializers | undefined;

  return {
    async sendAudits(events, { signal, attempt, records: infos }) {
      if (events.length === 0) return;
      serializers ??= await loadSerializers();
      const resource = await resources.current(signal);
      const { records, refused, error } = toLogBatch(events, infos, observe, resource);
      if (attempt === 1) for (const record of records) tellSkew(record, skews);
      if (records.length > 0) {
        const bytes = serialize(records, serializers[encoding]);
        const body = compression === 'gzip' ? await compress(bytes) : bytes;
        const reply = await client.send({ body }, signal);
        const { fault, remark } = readReply(reply, serializers.protobuf);
        const quote = (said: string) => `${url.origin} ${client.quote(said)}`;
        if (fault !== undefined) throw new SinkError('transient', quote(fault));
        if (remark !== undefined) remarks.add(`${SINK}: ${quote(remark)}`);
      }
      if (error !== undefined) {
        throw new SinkError('event', error.message, { cause: error, failed: refused });
      }
    },
    close: () => client.close(),
  };
}

const compress = promisify(gzip);

function serialize(records: readonly LogRecord[], serializer: LogsSerializer): Buffer {
  let bytes: Uint8Array | undefined;
  try {
    bytes = serializer.serializeRequest(records);
  } catch (error) {
    // Nested too deeply, most likely: the lane halves the batch until the culprit stands alone.
    throw new SinkError('event', 'the events cannot be written as OTLP', { cause: error });
  }
  if (bytes === undefined) throw new SinkError('sink', `${SINK}: the serializer gave nothing`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tellSkew({ hrTime, hrTimeObserved, attributes }: LogRecord, burst: Burst): void {
  const seconds = Math.abs(secondsBetween(hrTime, hrTimeObserved));
  if (seconds <= MAX_SKEW_SECONDS) return;
  burst.add(
    `${SINK}: between the timestamp of event ${attributes['audit.record.id']} and the time at which it was seen lie ${Math.round(seconds)} s: is a clock wrong?`,
  );
}
