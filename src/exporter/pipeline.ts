import type { Attributes } from '@opentelemetry/api';
import type { Clock } from '../clock.js';
import type { Lane } from '../delivery/lane.js';
import { complain, warn } from '../diagnostics.js';
import { AuditError, messageOf } from '../errors.js';
import { Ledger, type LedgerObserver } from '../ledger/ledger.js';
import type { ResolvedLedgerOptions } from '../ledger/options.js';
import { AbandonedSlots, openSlotSync } from '../ledger/slots.js';
import { whenProcessExits } from '../process-exit.js';
import { attributesToDigests, attributesToText } from './attributes-text.js';
import { Capture } from './capture.js';
import { followOf } from './checkpoints.js';
import { Deliveries } from './deliveries.js';
import { Destination } from './destination.js';
import { Intake } from './intake.js';
import { LedgerStore } from './ledger-store.js';
import { MemoryStore } from './memory-store.js';
import { Metrics } from './metrics.js';
import type { ResolvedOptions } from './options.js';
import { statsOf } from './overview.js';
import { Reporter } from './reporter.js';
import { SlotDrain } from './slot-drain.js';
import type { Store } from './store.js';
import { Turns } from './turns.js';

/**
 * What an exporter consists of:
 *
 * ```
 * capture ──► intake ──► store ──► lanes ──► destinations
 *     └──── turns ────────┘          └──► deliveries
 * ```
 */
export interface Pipeline {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly capture: Capture;
  readonly intake: Intake;
  readonly turns: Turns;
  readonly store: Store;
  readonly destinations: readonly Destination[];
  readonly lanes: readonly Lane[];
  readonly deliveries: Deliveries;
  readonly slotDrain: SlotDrain | undefined;
  readonly metrics: Metrics;
  /** How the attributes of what is no event are kept. */
  readonly attributesToText: (attributes: Attributes) => string;
  /** Takes back what was asked of the process. */
  readonly forgetProcess: () => void;
}

/**
 * Opens everything; the lanes do not run yet. Where a part cannot be opened, those before it are closed.
 *
 * @throws {AuditError} `ledger-locked`, `ledger-corrupt`, `ledger-unavailable`, `invalid-option`
 */
export function openPipeline(options: ResolvedOptions): Pipeline {
  const reporter = new Reporter(options.clock, options.onError);
  // Before the ledger's own, so that it comes after it: who came last is called first.
  const forgetProcess = whenProcessExits(() => reporter.tell());
  try {
    return { ...wire(options, reporter), forgetProcess };
  } catch (error) {
    forgetProcess();
    throw error;
  }
}

function wire(options: ResolvedOptions, reporter: Reporter): Omit<Pipeline, 'forgetProcess'> {
  const { clock, random, checker, maxEventBytes, rules, redactor } = options;
  const toText = redactor === undefined ? attributesToText : attributesToDigests;
  const turns = new Turns(() => {
    const { dropped } = intake;
    capture.drain();
    store.flush();
    if (intake.dropped > dropped) metrics.update();
  });
  const observer = observerOf(reporter, (count) => intake.countDropped(count));
  const store =
    options.ledger === undefined
      ? openMemory(turns)
      : openLedgerStore(options.ledger, clock, observer);
  const intake = new Intake({
    checker,
    maxEventBytes,
    redactor,
    store,
    reporter,
    attributesToText: toText,
  });
  const capture = new Capture(
    {
      queued: () => turns.schedule(),
      event: (event, late, trace) => lossOf(() => intake.capture(event, late, trace)),
      malformed: (content) => lossOf(() => intake.captureMalformed(content)),
    },
    clock,
    rules,
    toText,
  );
  const destinations = options.sinks.map(
    (named) =>
      new Destination(named, clock, random, reporter, {
        progressed: (lane) => {
          deliveries.progressed(lane);
          slotDrain?.progressed();
        },
        failed: (lane, sequence, error) => {
          if (lanes.includes(lane)) deliveries.failed(sequence, error);
        },
        delivered: (sink, durationMs) => {
          metrics.exported(sink, durationMs);
          metrics.update();
        },
      }),
  );
  const metrics = new Metrics(() => statsOf(intake, store, destinations), clock);
  const lanes = openLanes(store, destinations);
  const deliveries = new Deliveries(lanes);
  const slotDrain =
    store.ledger !== undefined && options.ledger?.slots === true
      ? new SlotDrain(
          new AbandonedSlots(options.ledger, store.ledger, clock, observer),
          destinations,
          followOf(options.ledger, clock, observer),
          reporter,
          clock,
        )
      : undefined;
  return {
    clock,
    reporter,
    capture,
    intake,
    turns,
    store,
    destinations,
    lanes,
    deliveries,
    slotDrain,
    metrics,
    attributesToText: toText,
  };
}

function openMemory(turns: Turns): Store {
  warn(
    'there is no ledger: events wait in memory, and what is not delivered ends with the process',
  );
  return new MemoryStore(() => turns.schedule());
}

function openLedger(
  options: ResolvedLedgerOptions,
  clock: Clock,
  observer: LedgerObserver,
): Ledger {
  return options.slots
    ? openSlotSync(options, clock, observer)
    : new Ledger(options, clock, observer);
}

function openLedgerStore(
  options: ResolvedLedgerOptions,
  clock: Clock,
  observer: LedgerObserver,
): Store {
  const ledger = openLedger(options, clock, observer);
  try {
    return new LedgerStore(ledger, clock, followOf(options, clock, observer)(ledger));
  } catch (error) {
    ledger.abandon();
    throw error;
  }
}

function openLanes(store: Store, destinations: readonly Destination[]): readonly Lane[] {
  try {
    const laneStores = destinations.map((destination) => store.open(destination));
    return destinations.map((destination, index) => destination.open(laneStores[index]!));
  } catch (error) {
    store.abandon();
    throw error;
  }
}

function observerOf(reporter: Reporter, countDropped: (count: number) => void): LedgerObserver {
  return {
    noted: warn,
    failed: (error) => reporter.error('ledger', error),
    lost: (contents, error) => {
      countDropped(contents.length);
      const events = contents.flatMap(({ event }) => event ?? []);
      reporter.error('lost', error, { events });
    },
  };
}

/** For what was captured: the application must not hear of it, and the reporter already has. */
function lossOf(take: () => unknown): AuditError | undefined {
  try {
    take();
    return undefined;
  } catch (error) {
    if (error instanceof AuditError) return error;
    const message = `an audit event is lost: ${messageOf(error)}`;
    complain(message);
    return new AuditError('ledger-unavailable', message, { cause: error });
  }
}
