import { AuditError } from '../errors.js';
import { Cursor } from './cursor.js';
import { unavailable } from './files.js';

/** What opening a cursor asks of its ledger. */
export interface CursoredLedger {
  readonly directory: string;
  /** Whether it held records when it was opened. */
  readonly heldRecords: boolean;
  /** The first record that there still is. */
  readonly first: number;
  /** The newest durable record. */
  readonly deliverable: number;
  /** The newest record, durable or not. */
  readonly newest: number;
  requireWriter(): void;
}

/**
 * Opens, or makes, the cursor of a sink. A sink that is new to a ledger with records begins where
 * `startAt` says; one that is new with its ledger begins at the beginning.
 *
 * @param noted is told of records that the sink passes over or has missed
 * @throws {AuditError} `ledger-corrupt`, `ledger-unavailable`
 */
export function openSinkCursorSync(
  ledger: CursoredLedger,
  sink: string,
  startAt: 'beginning' | 'end',
  noted: (message: string) => void,
): Cursor {
  const { directory, heldRecords, first, deliverable, newest } = ledger;
  // Not further than what is durable, or a crash could leave the cursor ahead of the ledger.
  const start = startAt === 'end' && heldRecords ? deliverable : first - 1;
  try {
    const cursor = Cursor.openSync(directory, sink, {
      start,
      first,
      newest,
      requireWriter: () => ledger.requireWriter(),
    });
    if (cursor.isNew && heldRecords) {
      noted(
        `sink ${sink} is new in ${directory} and begins with record ${start + 1}: ${start - first + 1} earlier record(s) are passed over`,
      );
    }
    if (cursor.missed > 0) {
      noted(
        `sink ${sink} comes back too late for ${cursor.missed} record(s) of ${directory}: retention has removed them`,
      );
    }
    return cursor;
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw unavailable(`the cursor of sink ${sink} in ${directory} cannot be opened`, error);
  }
}
