import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

// In a project of yours: node_modules/otel-audit/schemas/audit-event.proto
const schema = fileURLToPath(new URL('../../schemas/audit-event.proto', import.meta.url));
const Event = protobuf.loadSync(schema).lookupType('flipt.audit.Event');

/** The event in a record's value, as plain data. */
export function parse(value: Uint8Array): Record<string, unknown> {
  const { payload, timestamp, ...event } = Event.toObject(Event.decode(value), {
    longs: Number,
  }) as Record<string, unknown> & { payload?: Struct; timestamp: Timestamp };
  const ms = timestamp.seconds * 1000 + (timestamp.nanos ?? 0) / 1e6;
  return {
    ...event,
    timestamp: new Date(ms).toISOString(),
    payload: payload === undefined ? null : fromStruct(payload),
  };
}

interface Timestamp {
  readonly seconds: number;
  readonly nanos?: number;
}

interface Struct {
  readonly fields?: Readonly<Record<string, Value>>;
}

type Value = Readonly<{
  nullValue?: 0;
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: Struct;
  listValue?: { readonly values?: readonly Value[] };
}>;

function fromStruct({ fields = {} }: Struct): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromValue(value)]));
}

function fromValue(value: Value): unknown {
  if (value.structValue !== undefined) return fromStruct(value.structValue);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(fromValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}
