import type { AuditEvent } from '../event/event.js';
import { parseRecord } from '../ledger/record.js';
import { readDeadLetters } from './dead-letters.js';
import type { LedgerFolder } from './ledgers.js';
import { readReplayed } from './replayed.js';
import { scanLedger } from './scan.js';

/** What is to be sent again. */
export interface ReplayQuery {
  readonly sink: string;
  /** The sink's dead letters, and not the ledger's records. */
  readonly dead: boolean;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** An event that may be sent again, with the record that it stands in. */
export interface Replayable {
  readonly ledger: LedgerFolder;
  readonly sequence: number;
  readonly event: AuditEvent;
}

/**
 * Hands over, in order, the events that are to be sent again; what is no event, or is damaged, is passed
 * over and counted.
 *
 * @param onEvent returns false to end it
 * @returns how many records were passed over
 */
export async function forEachReplayable(
  ledger: LedgerFolder,
  { sink, dead, from, to }: ReplayQuery,
  onEvent: (replayable: Replayable) => Promise<boolean>,
): Promise<number> {
  let passedOver = 0;
  const offer = async (sequence: number, line: string): Promise<boolean> => {
    const event = eventOf(line);
    if (event !== undefined) return onEvent({ ledger, sequence, event });
    passedOver += 1;
    return true;
  };
  if (dead) {
    const done = readReplayed(ledger.directory, sink);
    for await (const { record, recordLine } of readDeadLetters(ledger.directory, sink)) {
      if (done.has(record.id)) continue;
      if (!(await offer(record.seq, recordLine))) break;
    }
    return passedOver;
  }
  await scanLedger(
    ledger,
    { from, to },
    { onRecord: ({ record, line }) => offer(record.seq, line) },
  );
  return passedOver;
}

/** With the texts of actor and payload as they were recorded. */
function eventOf(line: string): AuditEvent | undefined {
  try {
    return parseRecord(line, line.length, '').content.event;
  } catch {
    return undefined;
  }
}
