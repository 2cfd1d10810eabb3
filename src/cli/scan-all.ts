import type { LedgerFolder } from './ledgers.js';
import { printable } from './printable.js';
import { Progress } from './progress.js';
import { type Placed, type ScanQuery, scanLedger, segmentsFor } from './scan.js';
import type { Terminal } from './terminal.js';

/**
 * Walks along the records of several ledgers, one ledger after the other, and shows how far it is; tells
 * of lines that are no records.
 *
 * @param what is done, for the bar
 * @param onRecord returns false to end it all
 */
export async function scanAll(
  ledgers: readonly LedgerFolder[],
  query: ScanQuery,
  what: string,
  terminal: Terminal,
  onRecord: (placed: Placed) => boolean | Promise<boolean>,
): Promise<void> {
  const total = ledgers
    .flatMap((ledger) => segmentsFor(ledger, query))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = new Progress(terminal, what);
  const unreadable = new Set<string>();
  let read = 0;
  let isEnded = false;
  for (const ledger of ledgers) {
    if (isEnded || terminal.isClosed) break;
    await scanLedger(ledger, query, {
      onRead: (bytes) => {
        read += bytes;
        progress.at(read, total);
      },
      onUnreadable: (file) => unreadable.add(file),
      onRecord: async (placed) => {
        isEnded = !(await onRecord(placed));
        return !isEnded;
      },
    });
  }
  progress.end();
  for (const file of unreadable) {
    terminal.note(`${printable(file)} has lines that are no records: run otel-audit verify`);
  }
}
