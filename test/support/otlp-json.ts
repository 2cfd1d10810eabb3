// Reads OTLP in JSON by the protocol's own description, with none of the code under test.

/** An AnyValue; exactly one of its members is there, or none for null. */
export interface AnyValueJson {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  /** 64 bits; most write it as a text. */
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValueJson[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValueJson[] };
}

export interface KeyValueJson {
  readonly key: string;
  readonly value: AnyValueJson;
}

export interface LogRecordJson {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly eventName: string;
  readonly body?: AnyValueJson;
  readonly attributes: readonly KeyValueJson[];
  readonly flags?: number;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
}

interface ResourceLogsJson {
  readonly resource: { readonly attributes?: readonly KeyValueJson[] };
  readonly scopeLogs: readonly {
    readonly scope: object;
    readonly logRecords: readonly LogRecordJson[];
  }[];
}

export function resourceLogsOf(request: string): readonly ResourceLogsJson[] {
  return (JSON.parse(request) as { resourceLogs: ResourceLogsJson[] }).resourceLogs;
}

/** The records of an ExportLogsServiceRequest. */
export function logRecordsOf(request: string): LogRecordJson[] {
  return resourceLogsOf(request).flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) => logRecords),
  );
}

export function attributesOf({ attributes }: LogRecordJson): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? printAnyValue(value)]),
  );
}

/** An AnyValue as JSON. */
export function printAnyValue(value: AnyValueJson | undefined): string {
  if (value?.arrayValue !== undefined) {
    return `[${(value.arrayValue.values ?? []).map(printAnyValue).join(',')}]`;
  }
  if (value?.kvlistValue !== undefined) {
    const members = (value.kvlistValue.values ?? []).map(
      (member) => `${JSON.stringify(member.key)}:${printAnyValue(member.value)}`,
    );
    return `{${members.join(',')}}`;
  }
  if (value?.intValue !== undefined) return String(value.intValue);
  return JSON.stringify(value?.stringValue ?? value?.boolValue ?? value?.doubleValue ?? null);
}

/** The event JSON, Flipt's fields, put together again from a log record. */
export function eventJsonOf(record: LogRecordJson): string {
  const attributes = attributesOf(record);
  const type = attributes['audit.target.type']!;
  const actor = attributes['otel_audit.actor'];
  const status = attributes['audit.outcome'] === 'success' ? 'success' : '';
  const ms = Number(BigInt(record.timeUnixNano) / 1_000_000n);
  const members = {
    version: JSON.stringify(attributes['audit.schema.version']),
    type: JSON.stringify(type),
    action: JSON.stringify(record.eventName.slice(type.length + 1)),
    metadata: actor === undefined ? '{}' : `{"actor":${actor}}`,
    payload: attributes['otel_audit.payload'] ?? printAnyValue(record.body),
    timestamp: JSON.stringify(attributes['otel_audit.timestamp'] ?? new Date(ms).toISOString()),
    status: JSON.stringify(attributes['otel_audit.status'] ?? status),
  };
  const list = Object.entries(members).map(([key, text]) => `"${key}":${text}`);
  return `{${list.join(',')}}`;
}
