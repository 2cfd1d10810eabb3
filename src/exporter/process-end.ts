import { keepAliveUntil } from '../delivery/keep-alive.js';
import { warn } from '../diagnostics.js';
import { AuditError, messageOf } from '../errors.js';
import { whenProcessExits, whenProcessIdles } from '../process-exit.js';
import type { Deliveries } from './deliveries.js';
import type { Destination } from './destination.js';
import type { Reporter } from './reporter.js';
import type { Store } from './store.js';
import type { Turns } from './turns.js';

/** What the end of the process concerns. */
export interface ProcessEndParts {
  readonly turns: Turns;
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly destinations: readonly Destination[];
  readonly reporter: Reporter;
  /** Delivers everything, within the time that a shutdown has for it. */
  readonly drain: () => Promise<void>;
}

/** Does what is left to do when the application ends without a shutdown. Returns what takes that back. */
export function watchProcessEnd(parts: ProcessEndParts): () => void {
  const { turns, store, deliveries, drain } = parts;
  /** The newest record when the process last idled: one try for each, then it may end. */
  let triedUpTo = -1;
  const forgetExit = whenProcessExits(() => {
    turns.end();
    if (store.ledger === undefined) tellWhatIsLost(parts);
  });
  const forgetIdle = whenProcessIdles(() => {
    turns.end();
    const { newest } = store;
    if (newest === triedUpTo || deliveries.behind(newest).length === 0) return;
    triedUpTo = newest;
    keepAliveUntil(drain()).catch((error: unknown) => {
      warn(`not everything was delivered before the process ended: ${messageOf(error)}`);
    });
  });
  return () => {
    forgetExit();
    forgetIdle();
  };
}

function tellWhatIsLost({ destinations, reporter }: ProcessEndParts): void {
  for (const { name, stats } of destinations) {
    if (stats.backlog === 0) continue;
    const message = `${stats.backlog} event(s) end with the process, undelivered to sink ${name}`;
    reporter.error(`lost ${name}`, new AuditError('sink-failed', message), { sink: name });
  }
}
