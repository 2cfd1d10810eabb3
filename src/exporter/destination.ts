import type { EventPairChecker } from '../checker.js';
import type { Clock } from '../clock.js';
import { Lane } from '../delivery/lane.js';
import type { LaneCounters } from '../delivery/lane-report.js';
import type { Delivery } from '../delivery/options.js';
import { Outlet } from '../delivery/outlet.js';
import type { DeadLetters, PositionStore, Source } from '../delivery/source.js';
import type { LaneTrouble } from '../delivery/troubles.js';
import { AuditError, messageOf } from '../errors.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { NamedSink } from './options.js';
import type { Reporter } from './reporter.js';
import type { SinkStats } from './stats.js';

/** What a lane takes its records from, and where it notes what became of them. */
export interface LaneStore {
  readonly source: Source;
  readonly positions: PositionStore;
  /** Absent without a ledger. */
  readonly deadLetters?: DeadLetters;
}

/** Told of what a sink's lanes do. */
export interface DestinationListener {
  progressed(lane: Lane): void;
  /** The record will never be with the sink; told before the lane gets past it. */
  failed(lane: Lane, sequence: number, error: AuditError): void;
  delivered(sink: string, durationMs: number): void;
}

/** One sink with every lane that leads to it: the exporter's own, and those of abandoned slots. */
export class Destination {
  readonly name: string;
  readonly #named: NamedSink;
  readonly #outlet: Outlet;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #reporter: Reporter;
  readonly #listener: DestinationListener;
  readonly #lanes = new Set<Lane>();
  /** Of lanes that have ended. */
  #ended: LaneCounters | undefined;

  constructor(
    named: NamedSink,
    clock: Clock,
    random: () => number,
    reporter: Reporter,
    listener: DestinationListener,
  ) {
    this.name = named.name;
    this.#named = named;
    this.#outlet = new Outlet(named.sink, named.delivery.timeoutMs, clock);
    this.#clock = clock;
    this.#random = random;
    this.#reporter = reporter;
    this.#listener = listener;
  }

  get startAt(): 'beginning' | 'end' {
    return this.#named.startAt;
  }

  get checker(): EventPairChecker | undefined {
    return this.#named.checker;
  }

  get delivery(): Delivery {
    return this.#named.delivery;
  }

  /** Makes a lane from a store to this sink; start it when everything else is ready. */
  open(store: LaneStore): Lane {
    const { name } = this;
    const reporter = this.#reporter;
    const listener = this.#listener;
    const lane: Lane = new Lane({
      ...store,
      name,
      outlet: this.#outlet,
      checker: this.checker,
      delivery: this.delivery,
      clock: this.#clock,
      random: this.#random,
      observer: {
        delivered: (_, durationMs) => {
          listener.delivered(name, durationMs);
          listener.progressed(lane);
        },
        settled: () => listener.progressed(lane),
        failed: (cause, events, attempt) => {
          const message = `sink ${name} did not store ${events.length} event(s), attempt ${attempt}: ${messageOf(cause)}`;
          const error = new AuditError('sink-failed', message, { cause });
          reporter.error(`sink ${name}`, error, { sink: name, events });
        },
        dead: (record, reason, attempts) => {
          const message = `sink ${name} refused an event for good after ${attempts} attempt(s), it is kept as a dead letter: ${reason}`;
          const error = new AuditError('dead-letter', message);
          reporter.error(`dead ${name}`, error, { sink: name, events: eventsOf([record]) });
          listener.failed(lane, record.sequence, error);
          listener.progressed(lane);
        },
        lost: (records, cause) => {
          const message = `sink ${name} did not store ${records.length} event(s), and they are given up: ${messageOf(cause)}`;
          const error = new AuditError('sink-failed', message, { cause });
          reporter.error(`lost ${name}`, error, { sink: name, events: eventsOf(records) });
          for (const { sequence } of records) listener.failed(lane, sequence, error);
          listener.progressed(lane);
        },
        trouble: (error, records) => {
          reporter.error(`lane ${name}`, error, { sink: name, events: eventsOf(records) });
        },
      },
    });
    this.#lanes.add(lane);
    return lane;
  }

  /** The lane was stopped: only its counts stay. */
  forget(lane: Lane): void {
    if (!this.#lanes.delete(lane)) return;
    this.#ended = sum(this.#ended, lane.counters);
  }

  get stats(): SinkStats {
    let counters = this.#ended;
    let backlog = 0;
    for (const lane of this.#lanes) {
      counters = sum(counters, lane.counters);
      backlog += lane.backlog + lane.waiting.length;
    }
    const { delivered, rejected, failedAttempts, deadLetters, lost } = sum(counters, NOTHING);
    return { delivered, rejected, failedAttempts, deadLetters, lost, backlog };
  }

  /** The oldest trouble of any lane. */
  get trouble(): LaneTrouble | undefined {
    return [...this.#lanes]
      .flatMap((lane) => lane.health() ?? [])
      .sort((a, b) => a.since - b.since)[0];
  }

  /** Closes the sink; lanes must be stopped. */
  async close(): Promise<void> {
    await this.#named.sink.close?.();
  }
}

const NOTHING: LaneCounters = {
  delivered: 0,
  rejected: 0,
  malformed: 0,
  failedAttempts: 0,
  deadLetters: 0,
  lost: 0,
};

function sum(a: LaneCounters = NOTHING, b: LaneCounters): LaneCounters {
  return {
    delivered: a.delivered + b.delivered,
    rejected: a.rejected + b.rejected,
    malformed: a.malformed + b.malformed,
    failedAttempts: a.failedAttempts + b.failedAttempts,
    deadLetters: a.deadLetters + b.deadLetters,
    lost: a.lost + b.lost,
  };
}

function eventsOf(records: readonly LedgerRecord[]) {
  return records.flatMap(({ content }) => content.event ?? []);
}
