import type { AuditEvent } from '../event/event.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { RecordInfo } from '../sink.js';
import type { Batch } from './outlet.js';

/** What a sink gets to see of these records, in fresh arrays, for a sink may keep or change them. */
export function toBatch(
  records: readonly LedgerRecord[],
  stream: string | undefined,
  attempt: number,
): Batch {
  const events: AuditEvent[] = [];
  for (const { content } of records) {
    if (content.event !== undefined) events.push(content.event);
  }
  return {
    events,
    records: stream === undefined ? undefined : records.map((record) => infoOf(record, stream)),
    attempt,
  };
}

function infoOf(record: LedgerRecord, stream: string): RecordInfo {
  const { sequence, hash, previousHash, recordedAt } = record;
  return { sequence, hash, previousHash, stream, recordedAt };
}
