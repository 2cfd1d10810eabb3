/** A record as its line says it. */
export interface StoredRecord {
  readonly seq: number;
  readonly prev: string;
  readonly at: string;
  readonly id: string;
  readonly trace?: {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceFlags: number;
  };
  readonly late?: boolean;
  readonly event?: StoredEvent;
  readonly malformed?: { readonly reason: string; readonly attributes: unknown };
}

/** An event as `eventToJson` prints it. */
export interface StoredEvent {
  readonly version: string;
  readonly type: string;
  readonly action: string;
  readonly metadata: { readonly actor?: Readonly<Record<string, unknown>> };
  readonly payload: unknown;
  readonly timestamp: string;
  readonly status: string;
}

/** Takes a line apart, whatever a disk made of it; undefined for what is no record. */
export function readRecord(line: string): StoredRecord | undefined {
  try {
    const record = JSON.parse(line) as Partial<StoredRecord> | null;
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(record: Partial<StoredRecord> | null): record is StoredRecord {
  if (typeof record !== 'object' || record === null) return false;
  const { seq, prev, at, id, trace, event, malformed } = record;
  if (!Number.isSafeInteger(seq) || ![prev, at, id].every(isText)) return false;
  if (trace !== undefined && !(isText(trace?.traceId) && isText(trace.spanId))) return false;
  if (event === undefined) return typeof malformed?.reason === 'string';
  return (
    typeof event === 'object' &&
    event !== null &&
    [event.type, event.action, event.timestamp, event.status].every(isText) &&
    typeof event.metadata === 'object' &&
    event.metadata !== null
  );
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** `type:action`; `malformed` for what should have been an event. */
export function pairOf({ event }: StoredRecord): string {
  return event === undefined ? 'malformed' : `${event.type}:${event.action}`;
}

/** When it happened, or, for what is no event, when it was recorded. */
export function timeOf({ event, at }: StoredRecord): string {
  return event?.timestamp ?? at;
}

/** Who did it, by the best name that the actor has; empty where none is known. */
export function actorOf({ event }: StoredRecord): string {
  const actor = event?.metadata.actor;
  if (actor === undefined || actor === null) return '';
  for (const key of ['email', 'name', 'id', 'ip', 'authentication']) {
    const value = actor[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return '';
}
