import { readCursorsSync } from '../ledger/cursor.js';
import { countDeadLetters, sinksWithDeadLetters } from './dead-letters.js';
import type { LedgerFolder } from './ledgers.js';
import { newestOf } from './newest.js';

/** How far a sink is. */
export interface LaneStatus {
  readonly sink: string;
  readonly slot: string | undefined;
  /** Every record up to this one is settled, but those set aside; undefined without a cursor. */
  readonly acknowledged: number | undefined;
  /** Records that the sink has not got, those set aside included. */
  readonly backlog: number;
  /** Records that fail alone and are tried again in between. */
  readonly setAside: number;
  /** Those left out that were sent again since. */
  readonly deadLetters: number;
}

/** The sinks that have a cursor or dead letters in a ledger, configured or not. */
export async function lanesOf(ledger: LedgerFolder): Promise<LaneStatus[]> {
  const { directory, slot } = ledger;
  // Before the newest record: what a running writer adds meanwhile must not make a backlog negative.
  const cursors = readCursorsSync(directory);
  const newest = newestOf(ledger, {}, 0).record?.seq ?? 0;
  const sinks = new Set([...cursors.keys(), ...sinksWithDeadLetters(directory)]);
  const lanes: LaneStatus[] = [];
  for (const sink of [...sinks].sort()) {
    const cursor = cursors.get(sink);
    const setAside = cursor?.waiting.length ?? 0;
    lanes.push({
      sink,
      slot,
      acknowledged: cursor?.acknowledged,
      backlog: cursor === undefined ? 0 : Math.max(0, newest - cursor.acknowledged) + setAside,
      setAside,
      deadLetters: await countDeadLetters(directory, sink),
    });
  }
  return lanes;
}
