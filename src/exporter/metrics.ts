import {
  type Attributes,
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
  type ObservableResult,
} from '@opentelemetry/api';
import { Burst } from '../burst.js';
import type { Clock } from '../clock.js';
import { warn } from '../diagnostics.js';
import { messageOf } from '../errors.js';
import type { ExporterStats } from './stats.js';

// The names are those of OpenTelemetry's audit-logging draft (OTEP 0267), but the last.
const EMITTED = 'audit.records.emitted';
const EXPORTED = 'audit.records.exported';
const DROPPED = 'audit.records.dropped';
const DEPTH = 'audit.queue.depth';
const DURATION = 'audit.export.duration';
const DEAD_LETTERS = 'otel_audit.dead_letters';
/** The attribute that names a sink. */
const SINK = 'audit.sink';

interface Instruments {
  readonly emitted: Counter;
  readonly exported: Counter;
  readonly dropped: Counter;
  readonly deadLetters: Counter;
  readonly duration: Histogram;
  /** Ends the observation of the queue's depth. */
  end(): void;
}

/**
 * Brings an exporter's counts to the registered MeterProvider. One that is registered later gets
 * everything from the beginning.
 */
export class Metrics {
  readonly #stats: () => ExporterStats;
  readonly #burst: Burst;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #told = new Map<string, number>();
  #isEnded = false;

  constructor(stats: () => ExporterStats, clock: Clock) {
    this.#stats = stats;
    this.#burst = new Burst(clock, warn);
  }

  /** Adds what was counted since the last call. Never throws. */
  update(): void {
    this.#try((instruments) => this.#add(instruments));
  }

  /** Notes how long a sink took for a batch that it stored. Never throws. */
  exported(sink: string, durationMs: number): void {
    this.#try(({ duration }) => duration.record(durationMs / 1000, { [SINK]: sink }));
  }

  /** The queue is gone: its depth is no longer told. What is lost later still counts. */
  end(): void {
    this.update();
    this.#isEnded = true;
    this.#try(({ end }) => end());
  }

  #try(write: (instruments: Instruments) => void): void {
    try {
      const instruments = this.#current();
      if (instruments !== undefined) write(instruments);
    } catch (error) {
      this.#burst.add(`metrics could not be written: ${messageOf(error)}`);
    }
  }

  #add(instruments: Instruments): void {
    const { emitted, dropped, sinks } = this.#stats();
    this.#count(instruments.emitted, EMITTED, emitted);
    this.#count(instruments.dropped, DROPPED, dropped);
    for (const [name, sink] of Object.entries(sinks)) {
      const attributes = { [SINK]: name };
      this.#count(instruments.exported, EXPORTED, sink.delivered, attributes);
      this.#count(instruments.dropped, DROPPED, sink.lost, attributes);
      this.#count(instruments.deadLetters, DEAD_LETTERS, sink.deadLetters, attributes);
    }
  }

  #count(counter: Counter, name: string, total: number, attributes: Attributes = {}): void {
    const key = `${name} ${String(attributes[SINK] ?? '')}`;
    const delta = total - (this.#told.get(key) ?? 0);
    if (delta <= 0) return;
    this.#told.set(key, total);
    counter.add(delta, attributes);
  }

  #current(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#instruments?.end();
      this.#provider = provider;
      this.#told = new Map();
      this.#instruments = this.#create(provider);
    }
    return this.#instruments;
  }

  #create(provider: MeterProvider): Instruments {
    const meter = provider.getMeter('otel-audit');
    const depth = meter.createObservableGauge(DEPTH, {
      unit: '{record}',
      description: 'Audit records that wait for a sink.',
    });
    const observe = (result: ObservableResult) => {
      this.update();
      for (const [name, { backlog }] of Object.entries(this.#stats().sinks)) {
        result.observe(backlog, { [SINK]: name });
      }
    };
    if (!this.#isEnded) depth.addCallback(observe);
    const counter = (name: string, description: string) =>
      meter.createCounter(name, { unit: '{record}', description });
    return {
      emitted: counter(EMITTED, 'Audit records taken.'),
      exported: counter(EXPORTED, 'Audit records that a sink stored.'),
      dropped: counter(DROPPED, 'Audit records lost for good; anything but 0 is an alarm.'),
      deadLetters: counter(DEAD_LETTERS, 'Audit records that a sink refused for good, kept aside.'),
      duration: meter.createHistogram(DURATION, {
        unit: 's',
        description: 'How long a sink took for a batch that it stored.',
      }),
      end: () => depth.removeCallback(observe),
    };
  }
}
