import { isIP } from 'node:net';
import type { AuditEvent, EventTrace } from '../../event/event.js';
import type { SpanResource } from '../../event/span-resource.js';
import { actorTextOf, jsonFault, payloadTextOf } from '../../event/texts.js';
import { type RecordInfo, SinkError } from '../../sink.js';
import { type AnyValue, readAnyValue } from './any-value.js';
import { type HrTime, saysMore, toHrTime } from './time.js';

/** An audit record as OpenTelemetry's serializers take it, their `ReadableLogRecord`. */
export interface LogRecord {
  readonly hrTime: HrTime;
  readonly hrTimeObserved: HrTime;
  readonly spanContext: EventTrace | undefined;
  readonly eventName: string;
  readonly body: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly droppedAttributesCount: 0;
  readonly resource: SpanResource;
  readonly instrumentationScope: { readonly name: '' };
}

/** Empty, and one object for all: the serializers group by identity. */
const NO_SCOPE = { name: '' } as const;

/**
 * Maps an event to a log record by OpenTelemetry's audit-logging draft (OTEP 0267). What the draft has
 * no place for travels under `otel_audit.`, so that the event can be read back whole.
 *
 * @throws {SinkError} `event` where something is missing that the draft requires.
 */
export function toLogRecord(
  event: AuditEvent,
  observed: HrTime,
  info: RecordInfo | undefined,
  resource: SpanResource,
): LogRecord {
  const { type, action, timestamp, trace } = event;
  const hrTime = toHrTime(requireText('timestamp', timestamp));
  if (hrTime === undefined) {
    throw refuse('its timestamp is no RFC 3339 time between 1970 and 2554');
  }
  const eventName = `${requireText('type', type)}.${requireText('action', action)}`;
  const payload = payloadOf(event);
  const attributes: Record<string, unknown> = {
    'audit.record.id': requireText('id', event.id),
    'audit.actor.id': actorId(event),
    'audit.actor.type': actorType(event),
    'audit.action': VERBS[action] ?? action.toUpperCase(),
    'audit.outcome': OUTCOMES[event.status ?? ''] ?? 'unknown',
    'audit.target.type': type,
    'audit.schema.version': requireText('version', event.version),
  };
  addTarget(attributes, payload?.value);
  addSource(attributes, event);
  if (info !== undefined) addLedger(attributes, info);
  addRest(attributes, event, payload);
  return {
    hrTime,
    hrTimeObserved: observed,
    spanContext: trace === undefined ? undefined : requireTrace(trace),
    eventName,
    body: payload?.value ?? undefined, // null is what the ledger has for no payload
    attributes,
    droppedAttributesCount: 0,
    resource,
    instrumentationScope: NO_SCOPE,
  };
}

const VERBS: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  created: 'CREATE',
  updated: 'UPDATE',
  deleted: 'DELETE',
  read: 'READ',
});

const OUTCOMES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  success: 'success',
  denied: 'failure',
  failed: 'failure',
});

function payloadOf(event: AuditEvent): AnyValue | undefined {
  try {
    const text = payloadTextOf(event);
    return text === undefined ? undefined : readAnyValue(text);
  } catch (error) {
    throw refuse(`its payload cannot be written as JSON: ${jsonFault(error)}`, error);
  }
}

function actorId({ metadata }: AuditEvent): string {
  const { email, name, authentication } = metadata.actor ?? {};
  if (isText(email)) return email;
  if (isText(name)) return name;
  return isText(authentication) && authentication !== 'none' ? authentication : 'anonymous';
}

function actorType({ metadata }: AuditEvent): 'service' | 'user' {
  const authentication = metadata.actor?.authentication;
  return authentication === 'token' || authentication === 'kubernetes' ? 'service' : 'user';
}

/** `production/new-checkout`: the payload's key or id, behind its namespace. */
function addTarget(attributes: Record<string, unknown>, payload: unknown): void {
  if (typeof payload !== 'object' || payload === null) return;
  const { key, id, namespace_key: namespace } = payload as Record<string, unknown>;
  const name = nameOf(key) ?? nameOf(id);
  if (name === undefined) return;
  attributes['audit.target.id'] = isText(namespace) ? `${namespace}/${name}` : name;
}

function nameOf(value: unknown): string | undefined {
  if (isText(value)) return value;
  return typeof value === 'number' ? String(value) : undefined;
}

function addSource(attributes: Record<string, unknown>, { metadata }: AuditEvent): void {
  const ip = metadata.actor?.ip;
  if (!isText(ip)) return;
  const version = isIP(ip);
  attributes['audit.source.id'] = ip;
  attributes['audit.source.type'] = version === 0 ? 'hostname' : `ipv${version}`;
}

// Not under `audit.sequence.`: these are hashes of our lines, not of records in canonical JSON.
function addLedger(attributes: Record<string, unknown>, info: RecordInfo): void {
  attributes['otel_audit.ledger.sequence'] = info.sequence;
  attributes['otel_audit.ledger.hash'] = info.hash;
  attributes['otel_audit.ledger.previous_hash'] = info.previousHash;
  attributes['otel_audit.ledger.stream'] = info.stream;
}

function addRest(
  attributes: Record<string, unknown>,
  event: AuditEvent,
  payload: AnyValue | undefined,
): void {
  const { status, timestamp } = event;
  const actor = actorTextOf(event);
  if (actor !== 'null') attributes['otel_audit.actor'] = actor;
  if (isText(status) && status !== 'success') attributes['otel_audit.status'] = status;
  if (saysMore(timestamp)) attributes['otel_audit.timestamp'] = timestamp;
  if (payload?.exact === false) attributes['otel_audit.payload'] = payload.text;
}

// Hexadecimal of any other length or kind would become other bytes.
const TRACE_ID = /^[0-9a-f]{32}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;

function requireTrace(trace: EventTrace): EventTrace {
  if (TRACE_ID.test(trace.traceId) && SPAN_ID.test(trace.spanId)) return trace;
  throw refuse('its trace and span id are not lower-case hexadecimal');
}

function requireText(member: string, value: unknown): string {
  if (isText(value)) return value;
  throw refuse(`its ${member}, which OpenTelemetry requires, is missing`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function refuse(fault: string, cause?: unknown): SinkError {
  return new SinkError('event', `the event is no audit record: ${fault}`, { cause });
}
