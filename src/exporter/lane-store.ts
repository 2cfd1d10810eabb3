import type { Clock } from '../clock.js';
import { deadLetterFile } from '../delivery/dead-letter.js';
import type { Ledger } from '../ledger/ledger.js';
import { lineOf } from '../ledger/record.js';
import type { Destination, LaneStore } from './destination.js';

/**
 * The part of a ledger that is one sink's: its cursor and its dead letters.
 *
 * @throws {AuditError} `ledger-corrupt` or `ledger-unavailable`, for its cursor
 */
export function laneStore(ledger: Ledger, { name, startAt }: Destination, clock: Clock): LaneStore {
  const { directory } = ledger;
  const letters = deadLetterFile({ directory, sink: name, lineOf, clock });
  return {
    source: ledger,
    positions: ledger.cursor(name, startAt),
    deadLetters: {
      async add(record, reason, attempts) {
        ledger.requireWriter();
        await letters.add(record, reason, attempts);
      },
    },
  };
}
