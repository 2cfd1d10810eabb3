import type { AuditEvent } from '../../event/event.js';
import type { SpanResource } from '../../event/span-resource.js';
import { type RecordInfo, SinkError } from '../../sink.js';
import { type LogRecord, toLogRecord } from './log-record.js';
import type { HrTime } from './time.js';

/** A batch as log records, and what no record can be made of. */
export interface LogBatch {
  readonly records: readonly LogRecord[];
  readonly refused: readonly number[];
  /** Of the first that was refused. */
  readonly error: SinkError | undefined;
}

/** Maps every event; one that is no audit record keeps no other from being sent. */
export function toLogBatch(
  events: readonly AuditEvent[],
  infos: readonly RecordInfo[] | undefined,
  observe: (event: AuditEvent, info: RecordInfo | undefined) => HrTime,
  resource: SpanResource,
): LogBatch {
  const records: LogRecord[] = [];
  const refused: number[] = [];
  let error: SinkError | undefined;
  for (const [index, event] of events.entries()) {
    const info = infos?.[index];
    try {
      records.push(toLogRecord(event, observe(event, info), info, resource));
    } catch (thrown) {
      refused.push(index);
      error ??= toEventFault(thrown);
    }
  }
  return { records, refused, error };
}

/** Only a hand-made event that lacks what its type promises brings anything else about. */
function toEventFault(thrown: unknown): SinkError {
  if (thrown instanceof SinkError) return thrown;
  return new SinkError('event', 'the event cannot be read', { cause: thrown });
}
