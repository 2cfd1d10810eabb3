import { SinkError } from '../../sink.js';
import type { LogRecord } from './log-record.js';

/** One of OpenTelemetry's own serializers, of 0.223 and of 0.30x alike. */
export interface LogsSerializer {
  serializeRequest(records: readonly LogRecord[]): Uint8Array | undefined;
  deserializeResponse(bytes: Uint8Array): unknown;
}

/** The serializers by how OTLP writes its messages. */
export interface Serializers {
  readonly protobuf: LogsSerializer;
  readonly json: LogsSerializer;
}

/**
 * Loads OpenTelemetry's serializers. Their package is an optional peer, so that is done when they are
 * first needed.
 *
 * @throws {SinkError} `sink`, naming the package to install.
 */
export async function loadSerializers(): Promise<Serializers> {
  const { ProtobufLogsSerializer: protobuf, JsonLogsSerializer: json } = await loadTransformer();
  if (isSerializer(protobuf) && isSerializer(json)) return { protobuf, json };
  throw new SinkError('sink', `otlpSink finds no serializers of logs in ${PACKAGE}: ${REMEDY}`);
}

const PACKAGE = '@opentelemetry/otlp-transformer';
const REMEDY = `npm install ${PACKAGE}, at 0.223 for Node below 22.15`;

/** What of the package is used; its authors call that part experimental. */
interface Transformer {
  readonly ProtobufLogsSerializer?: LogsSerializer;
  readonly JsonLogsSerializer?: LogsSerializer;
}

async function loadTransformer(): Promise<Transformer> {
  try {
    return (await import('@opentelemetry/otlp-transformer')) as object;
  } catch (error) {
    const message = `otlpSink needs the package ${PACKAGE}, which cannot be loaded: ${REMEDY}`;
    throw new SinkError('sink', message, { cause: error });
  }
}

function isSerializer(value: LogsSerializer | undefined): value is LogsSerializer {
  return (
    typeof value?.serializeRequest === 'function' && typeof value.deserializeResponse === 'function'
  );
}
