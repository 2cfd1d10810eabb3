import type { AuditEvent, EventTrace } from '../../event/event.js';
import { eventToJson, payloadToJson } from '../../event/json.js';
import { actorTextOf } from '../../event/texts.js';
import { encodeAvro } from './avro.js';
import type { ByteSink } from './byte-sink.js';
import type { KafkaRecord } from './producer.js';
import { encodeProtobuf } from './protobuf.js';
import type { Remarks } from './remarks.js';
import type { KafkaEncoding } from './schemas.js';
import { saysMore } from './time.js';

const remarks: Remarks = {
  wrapped: false,
  jsonMembers: undefined,
  actorExact: true,
  payloadExact: true,
};

const CONTENT_TYPES: Readonly<Record<KafkaEncoding, readonly [string, string]>> = {
  protobuf: ['content-type', 'application/x-protobuf'],
  avro: ['content-type', 'application/avro'],
  json: ['content-type', 'application/json'],
};

/**
 * The record of an event. What its value cannot say travels in headers.
 *
 * @param into where the value is written
 * @param frame what stands before the value
 * @throws whatever an event that is not what its type promises brings about
 */
export function toRecord(
  event: AuditEvent,
  key: string,
  encoding: KafkaEncoding,
  into: ByteSink,
  frame: Buffer | undefined,
): KafkaRecord {
  const headers: (readonly [string, string])[] = [['event-id', event.id], CONTENT_TYPES[encoding]];
  if (event.trace !== undefined) headers.push(['traceparent', traceparent(event.trace)]);
  if (encoding === 'json') {
    const json = Buffer.from(eventToJson(event, { fields: 'full' }));
    const value = frame === undefined ? json : Buffer.concat([frame, json]);
    return { key, value, headers };
  }
  const encode = encoding === 'protobuf' ? encodeProtobuf : encodeAvro;
  const value = encode(event, into, remarks, frame);
  if (remarks.wrapped) headers.push(['event-payload-wrapped', 'true']);
  if (remarks.jsonMembers !== undefined) headers.push(['event-payload-json', remarks.jsonMembers]);
  if (!remarks.payloadExact) headers.push(['event-payload', payloadToJson(event)]);
  if (!remarks.actorExact) headers.push(['event-actor', actorTextOf(event)]);
  // Avro has the text itself.
  if (encoding === 'protobuf' && saysMore(event.timestamp)) {
    headers.push(['event-timestamp', event.timestamp]);
  }
  return { key, value, headers };
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceparent({ traceId, spanId, traceFlags }: EventTrace): string {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${traceId}-${spanId}-${flags}`;
}
