import { basename } from 'node:path';
import type { Clock } from '../clock.js';
import { Checkpointer, type CheckpointerObserver } from '../evidence/checkpointer.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ResolvedLedgerOptions } from '../ledger/options.js';

/** Makes the signed checkpoints of a ledger, where there are to be any. */
export type Follow = (ledger: Ledger) => Checkpointer | undefined;

/** Each slot is a log of its own, and needs a name of its own. */
export function followOf(
  { checkpoint, slots }: ResolvedLedgerOptions,
  clock: Clock,
  observer: CheckpointerObserver,
): Follow {
  return (ledger) => {
    if (checkpoint === undefined) return undefined;
    const { origin } = checkpoint;
    const own = slots ? `${origin}/${basename(ledger.directory)}` : origin;
    return new Checkpointer(ledger, { ...checkpoint, origin: own }, clock, observer);
  };
}
