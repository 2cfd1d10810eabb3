import {
  type Attributes,
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
} from '@opentelemetry/api';
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
}

/**
 * Brings an exporter's counts to the registered MeterProvider. One that is registered later gets
 * everything from the beginning.
 */
export class Metrics {
  readonly #stats: () => ExporterStats;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #told = new Map<string, number>();
  #ended = false;

  constructor(stats: () => ExporterStats) {
    this.#stats = stats;
  }

  /** Adds what was counted since the last call. Never throws. */
  update(): void {
    try {
      const instruments = this.#current();
      if (instruments === undefined) return;
      const stats = this.#stats();
      this.#add(instruments.emitted, EMITTED, stats.emitted);
      this.#add(instruments.dropped, DROPPED, stats.dropped);
      for (const [name, sink] of Object.entries(stats.sinks)) {
        const attributes = { [SINK]: name };
        this.#add(instruments.exported, EXPORTED, sink.delivered, attributes);
        this.#add(instruments.dropped, DROPPED, sink.lost, attributes);
        this.#add(instruments.deadLetters, DEAD_LETTERS, sink.deadLetters, attributes);
      }
    } catch (error) {
      warn(`metrics could not be written: ${messageOf(error)}`);
    }
  }

  /** Notes how long a sink took for a batch that it stored. Never throws. */
  exported(sink: string, durationMs: number): void {
    try {
      this.#current()?.duration.record(durationMs / 1000, { [SINK]: sink });
    } catch (error) {
      warn(`metrics could not be written: ${messageOf(error)}`);
    }
  }

  /** The queue is gone: its depth is no longer told. */
  end(): void {
    this.#ended = true;
  }

  #add(counter: Counter, name: string, total: number, attributes: Attributes = {}): void {
    const key = `${name} ${String(attributes[SINK] ?? '')}`;
    const delta = total - (this.#told.get(key) ?? 0);
    if (delta <= 0) return;
    this.#told.set(key, total);
    counter.add(delta, attributes);
  }

  #current(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#told = new Map();
      this.#instruments = this.#create(provider);
    }
    return this.#instruments;
  }

  #create(provider: MeterProvider): Instruments {
    const meter = provider.getMeter('otel-audit');
    meter
      .createObservableGauge(DEPTH, {
        unit: '{record}',
        description: 'Audit records that wait for a sink.',
      })
      .addCallback((result) => {
        if (this.#ended || provider !== this.#provider) return;
        this.update();
        for (const [name, { backlog }] of Object.entries(this.#stats().sinks)) {
          result.observe(backlog, { [SINK]: name });
        }
      });
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
    };
  }
}
