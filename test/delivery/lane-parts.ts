import { Attempts } from '../../src/delivery/attempts.js';
import { Burial } from '../../src/delivery/burial.js';
import { Expiry } from '../../src/delivery/expiry.js';
import { FarSide } from '../../src/delivery/far-side.js';
import { LaneReport } from '../../src/delivery/lane-report.js';
import { Outlet } from '../../src/delivery/outlet.js';
import { Outside } from '../../src/delivery/outside.js';
import { type Pacing, RetryTime } from '../../src/delivery/retry-time.js';
import { Sender } from '../../src/delivery/sender.js';
import { SetAside, type SetAsideRecord } from '../../src/delivery/set-aside.js';
import type { AuditEvent } from '../../src/event/event.js';
import type { LedgerRecord } from '../../src/ledger/record.js';
import type { SendContext } from '../../src/sink.js';
import { fakeClock } from '../support/fake-clock.js';
import { numbered, numberOf } from './lane-rig.js';

const MINUTE_MS = 60_000;
const TIMEOUT_MS = 1000;

/** The parts that a lane delivers with, and no lane; waits are the longest that chance allows. */
export function laneParts({ hasLedger = true, waiting = [] as readonly number[] } = {}) {
  const clock = fakeClock();
  const backoff = { initialMs: 1000, maxMs: 30_000, factor: 2 };
  const pacing = { backoff, clock, random: () => 1 };
  const told: string[] = [];
  const report = new LaneReport(
    'siem',
    {
      delivered: (events) => told.push(`delivered ${events}`),
      failed: (error, events, attempt) =>
        told.push(`failed ${events.map(numberOf)}, attempt ${attempt}: ${error.message}`),
      setAside: ({ sequence }) => told.push(`set aside ${sequence}`),
      dead: ({ sequence }, reason) => told.push(`dead ${sequence}: ${reason}`),
      lost: (records) => told.push(`lost ${records.map(({ sequence }) => sequence)}`),
      trouble: (error) => told.push(`trouble ${error.message}`),
      settled: () => {},
    },
    clock.monotonic,
  );
  const state = {
    /** What the far side does with events of these numbers. */
    answer: (_numbers: readonly number[], _signal: AbortSignal): void | Promise<void> => {},
    deadFault: undefined as Error | undefined,
  };
  const sink = {
    async sendAudits(events: readonly AuditEvent[], { signal }: SendContext) {
      await state.answer(events.map(numberOf), signal);
    },
  };
  const deadLetters = {
    async add() {
      if (state.deadFault !== undefined) throw state.deadFault;
    },
  };
  const outside = new Outside();
  const retryTime = new RetryTime(pacing);
  const aside = new SetAside(waiting, pacing);
  const farSide = new FarSide({ retryTime, aside, hasLedger, report, clock });
  const expiry = new Expiry({ hasLedger, maxElapsedMs: 5 * MINUTE_MS, timeoutMs: TIMEOUT_MS });
  const sender = new Sender(new Outlet(sink, TIMEOUT_MS, clock), undefined, clock);
  const attempts = new Attempts({ sender, outside, farSide, expiry, clock });
  const burial = new Burial(hasLedger ? deadLetters : undefined, outside, report);
  return {
    clock,
    pacing,
    report,
    told,
    state,
    outside,
    retryTime,
    aside,
    farSide,
    expiry,
    attempts,
    burial,
    hasLedger,
  };
}

/** The record with this number. */
export function recordOf(sequence: number): LedgerRecord {
  const content = numbered(sequence);
  return { sequence, previousHash: '', hash: '', recordedAt: '', content, bytes: 100 };
}

/** Sets a record aside; it failed five times, at 0 first. */
export function setRecordAside(
  aside: SetAside,
  pacing: Pacing,
  sequence: number,
  given: Partial<SetAsideRecord> = {},
): SetAsideRecord {
  const entry = {
    sequence,
    record: undefined,
    retryTime: new RetryTime(pacing),
    attempts: 5,
    firstFailedAt: 0,
    gotThrough: 0,
    proven: false,
    doom: undefined,
    ...given,
  };
  aside.add(entry);
  return entry;
}

/** Lets everything run that can. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
