import type { Clock, Timer } from '../clock.js';
import type { Lane } from '../delivery/lane.js';
import { warn } from '../diagnostics.js';
import { AuditError, messageOf, toError } from '../errors.js';
import type { Deliveries } from './deliveries.js';
import type { Destination } from './destination.js';
import type { SlotDrain } from './slot-drain.js';
import type { Store } from './store.js';
import type { Turns } from './turns.js';

/** What is closed together. */
export interface ClosingParts {
  readonly turns: Turns;
  readonly store: Store;
  readonly lanes: readonly Lane[];
  readonly deliveries: Deliveries;
  readonly destinations: readonly Destination[];
  readonly slotDrain: SlotDrain | undefined;
  readonly clock: Clock;
  /** Delivers everything. */
  readonly flush: (timeoutMs: number) => Promise<void>;
}

/** How long what waits may still be delivered. */
export const DRAIN_MS = 10_000;
/** What each step after that may still take: attempts that were aborted, sinks that close. */
const GRACE_MS = 1000;
/** The disk may be slow; only one that hangs takes so long. */
const LEDGER_GRACE_MS = 5000;

/**
 * Delivers what it can, then stops the lanes, closes the sinks and, last, the ledger, which keeps what
 * spans still bring until then. Returns what went wrong.
 */
export async function closeAll(parts: ClosingParts): Promise<Error[]> {
  const { turns, store, lanes, deliveries, destinations, slotDrain, clock } = parts;
  const endsAt = clock.monotonic() + DRAIN_MS;
  const graceMs = () => Math.max(GRACE_MS, endsAt - clock.monotonic());
  const errors: Error[] = [];
  const finish = async (...works: readonly (Promise<unknown> | undefined)[]): Promise<void> => {
    for (const outcome of await Promise.allSettled(works)) {
      if (outcome.status === 'rejected') errors.push(toError(outcome.reason));
    }
  };
  const lostBefore = lostCount(destinations);
  try {
    const flushed = parts.flush(DRAIN_MS);
    store.endIntake();
    await flushed;
  } catch (error) {
    // With a ledger nothing is lost by it: the next start goes on where this one stopped.
    warn(`not everything was delivered before shutdown: ${messageOf(error)}`);
  }
  await finish(...lanes.map((lane) => lane.stop(graceMs())), slotDrain?.stop(graceMs()));
  deliveries.end(new AuditError('shutdown', 'the exporter was shut down before every sink had it'));
  const lost = lostCount(destinations) - lostBefore;
  if (lost > 0) errors.push(new AuditError('sink-failed', `${lost} event(s) were not delivered`));
  await finish(...destinations.map((each) => closeSink(each, graceMs(), clock)));
  turns.end();
  await finish(within(LEDGER_GRACE_MS, clock, store.close()));
  return errors;
}

async function closeSink(destination: Destination, ms: number, clock: Clock): Promise<void> {
  try {
    await within(ms, clock, destination.close());
  } catch (cause) {
    const message = `sink ${destination.name} did not close: ${messageOf(cause)}`;
    throw new AuditError('sink-failed', message, { cause });
  }
}

/** @throws {AuditError} `timeout` when the work takes longer; it goes on unheard. */
async function within(ms: number, clock: Clock, work: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    const fault = new AuditError('timeout', `not done within ${Math.round(ms)} ms`);
    timer = clock.schedule(() => reject(fault), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

function lostCount(destinations: readonly Destination[]): number {
  return destinations.reduce((sum, { stats }) => sum + stats.lost, 0);
}
