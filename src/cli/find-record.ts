import { type LedgerFolder, ledgersIn } from './ledgers.js';
import type { Placed, ScanQuery } from './scan.js';
import { scanAll } from './scan-all.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.js';

const SEQUENCE = /^(?:(0|[1-9]\d{0,5})\/)?([1-9]\d{0,15})$/;

/**
 * The records of a name: a sequence number, the same with its slot as in `0/12`, or an event's id. Several
 * where slots have records of one number.
 *
 * @throws {UsageError} where there is none
 */
export async function findRecords(
  directory: string,
  name: string,
  terminal: Terminal,
): Promise<Placed[]> {
  const [, slot, number] = SEQUENCE.exec(name) ?? [];
  const ledgers = ledgersIn(directory).filter(
    (ledger) => slot === undefined || ledger.slot === slot,
  );
  const found: Placed[] = [];
  if (number === undefined) {
    const query = { needles: [Buffer.from(`"id":${JSON.stringify(name)}`)] };
    await scanAll(ledgers, query, 'searching', terminal, (placed) => {
      if (placed.record.id === name) found.push(placed);
      return true;
    });
  } else {
    for (const ledger of ledgers) {
      const placed = await recordOf(ledger, Number(number), terminal);
      if (placed !== undefined) found.push(placed);
    }
  }
  if (found.length > 0) return found;
  throw new UsageError(`${directory} has no record ${JSON.stringify(name)}`);
}

/** The one record of a ledger that has this number. */
export async function recordOf(
  ledger: LedgerFolder,
  sequence: number,
  terminal: Terminal,
): Promise<Placed | undefined> {
  const needles = [Buffer.from(`{"seq":${sequence},`)];
  const query: ScanQuery = { from: sequence, to: sequence, needles };
  let found: Placed | undefined;
  await scanAll([ledger], query, 'searching', terminal, (placed) => {
    found = placed;
    return false;
  });
  return found;
}
