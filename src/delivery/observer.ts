import { complain } from '../diagnostics.js';
import { type AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import type { LedgerRecord } from '../ledger/record.js';

/** Who is told what becomes of a lane's records. */
export interface LaneObserver {
  /** The sink stored this many events. */
  delivered?(events: number, durationMs: number): void;
  /** The lane's checker turned away this many events. */
  rejected?(events: number): void;
  /** An attempt failed; the events are those that were not stored. */
  failed?(error: Error, events: readonly AuditEvent[], attempt: number): void;
  /** An event keeps failing alone: the lane goes on past it and tries it again in between. */
  setAside?(record: LedgerRecord, error: Error): void;
  /** An event is kept as a dead letter. */
  dead?(record: LedgerRecord, reason: string, attempts: number): void;
  /** Without a ledger: these events are given up. */
  lost?(records: readonly LedgerRecord[], error: Error): void;
  /** Every record up to this one is settled, but for those set aside. */
  settled?(upTo: number): void;
  /** The source, a position, a dead letter or a checker failed; told at every failure. */
  trouble?(error: AuditError, records: readonly LedgerRecord[]): void;
}

/** The same observer, kept from throwing into the lane. */
export function guarded(observer: LaneObserver): Required<LaneObserver> {
  let complained = false;
  const guard =
    <Arguments extends unknown[]>(told: ((...args: Arguments) => void) | undefined) =>
    (...args: Arguments): void => {
      try {
        told?.call(observer, ...args);
      } catch (thrown) {
        if (!complained) complain(`what observes a lane threw: ${messageOf(thrown)}`);
        complained = true;
      }
    };
  return {
    delivered: guard(observer.delivered),
    rejected: guard(observer.rejected),
    failed: guard(observer.failed),
    setAside: guard(observer.setAside),
    dead: guard(observer.dead),
    lost: guard(observer.lost),
    settled: guard(observer.settled),
    trouble: guard(observer.trouble),
  };
}
