import type { EventPairChecker } from '../checker.js';
import { type Clock, systemClock } from '../clock.js';
import {
  type Delivery,
  type DeliveryOptions,
  defaultDelivery,
  resolveDelivery,
} from '../delivery/options.js';
import { AuditError } from '../errors.js';
import {
  type LedgerOptions,
  type ResolvedLedgerOptions,
  resolveLedgerOptions,
} from '../ledger/options.js';
import { lanesOf, type Sink } from '../sink.js';
import { type RedactOptions, type Redactor, resolveRedactor } from './redact.js';
import type { OnError } from './reporter.js';
import { requireRules, type SpanRules } from './rules.js';

/** A sink with its own filter and pace. */
export interface SinkEntry {
  readonly sink: Sink;
  /** Asked after the exporter's checker. */
  readonly checker?: EventPairChecker | undefined;
  /** What is left out is as in the exporter's `delivery`. */
  readonly delivery?: DeliveryOptions | undefined;
  /**
   * Where a sink begins that is added to a ledger which holds records already. Default: `end`, what is
   * recorded from now on.
   */
  readonly startAt?: 'beginning' | 'end' | undefined;
}

/** What `new SinkSpanExporter` takes. */
export interface SinkSpanExporterOptions {
  /**
   * The sinks by name; a name matches `^[a-z][a-z0-9-]{0,62}$` and is a file name in the ledger. With a
   * ledger there may be none.
   */
  readonly sinks: Readonly<Record<string, Sink | SinkEntry>>;
  /** Which events pass. Default: every event. */
  readonly checker?: EventPairChecker | undefined;
  /**
   * The folder that keeps every event until it is delivered, and after. Left out, events wait in
   * memory, up to 64 MiB, and are gone with the process.
   */
  readonly ledger?: string | LedgerOptions | undefined;
  /** How events are delivered, for every sink that does not say otherwise. */
  readonly delivery?: DeliveryOptions | undefined;
  /**
   * Bytes of an event's JSON. `sendAudits` rejects a larger one; a larger one on a span is kept as
   * malformed, its long values reduced to length and SHA-256. Default: 4 MiB.
   */
  readonly maxEventBytes?: number | undefined;
  /** Audit events from ordinary spans; of every span that is exported or that a processor sees end. */
  readonly rules?: SpanRules | undefined;
  /** Values that are hidden before anything is written, sent or told. Default: everything is in clear. */
  readonly redact?: RedactOptions | undefined;
  /** Told of every error that no promise carries, failed attempts included. What it throws is logged. */
  readonly onError?: OnError | undefined;
  readonly clock?: Clock | undefined;
  /** Numbers from 0 inclusive to 1 exclusive, as `Math.random`; for the jitter of retries. */
  readonly random?: (() => number) | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly sinks: readonly NamedSink[];
  readonly checker: EventPairChecker | undefined;
  readonly ledger: ResolvedLedgerOptions | undefined;
  readonly maxEventBytes: number;
  readonly rules: SpanRules | undefined;
  readonly redactor: Redactor | undefined;
  readonly onError: OnError | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** One sink, ready for use. */
export interface NamedSink {
  readonly name: string;
  readonly sink: Sink;
  readonly checker: EventPairChecker | undefined;
  readonly delivery: Delivery;
  readonly startAt: 'beginning' | 'end';
}

const SINK_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const MAX_TIMEOUT_MS = 2 ** 31 - 1; // setTimeout's bound
const MAX_EVENT_BYTES = 4 * 2 ** 20;
/** Beyond this a line could not be held in one string. */
const LARGEST_EVENT_BYTES = 64 * 2 ** 20;

const OPTIONS = [
  'sinks',
  'checker',
  'ledger',
  'delivery',
  'maxEventBytes',
  'rules',
  'redact',
  'onError',
  'clock',
  'random',
];
const ENTRY_OPTIONS = ['sink', 'checker', 'delivery', 'startAt'];

/** Checks the options that decide how the exporter starts; the message names option and value. */
export function resolveOptions(options: SinkSpanExporterOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', 'must be an object with sinks');
  }
  requireKnown('', options, OPTIONS);
  if (Array.isArray(options.sinks)) {
    throw invalid('sinks', 'must be an object of sinks by name, such as { file: logSink() }');
  }
  if (typeof options.sinks !== 'object' || options.sinks === null) {
    throw invalid('sinks', 'must be an object of sinks by name');
  }
  requireFunction('onError', options.onError);
  requireFunction('random', options.random);
  requireClock(options.clock);
  requireChecker('checker', options.checker);
  const ledger =
    options.ledger === undefined ? undefined : resolveLedgerOptions('ledger', options.ledger);
  const delivery = resolveDelivery(
    'SinkSpanExporter: delivery',
    options.delivery,
    defaultDelivery(ledger !== undefined),
  );
  const sinks = Object.entries(options.sinks).flatMap(([name, entry]) =>
    partsOf(resolveSink(name, entry, delivery)),
  );
  for (const [index, { name, sink }] of sinks.entries()) {
    if (sinks.findIndex((other) => other.name === name) !== index) {
      throw invalid(`sinks.${name}`, 'is also the name of a part of another sink; rename it');
    }
    const twin = sinks.slice(0, index).find((other) => other.sink === sink);
    if (twin !== undefined) {
      throw invalid(`sinks.${name}`, `is the same object as sinks.${twin.name}; make one a name`);
    }
  }
  if (sinks.length === 0 && ledger === undefined) {
    throw invalid('sinks', 'must name at least one sink where there is no ledger');
  }
  const { maxEventBytes = MAX_EVENT_BYTES } = options;
  const isSize = typeof maxEventBytes === 'number' && maxEventBytes >= 1;
  if (!isSize || maxEventBytes > LARGEST_EVENT_BYTES) {
    throw invalid(
      'maxEventBytes',
      `must be a number from 1 to ${LARGEST_EVENT_BYTES}, not ${String(maxEventBytes)}`,
    );
  }
  return {
    sinks,
    ledger,
    maxEventBytes,
    rules: requireRules('SinkSpanExporter: rules', options.rules),
    redactor:
      options.redact === undefined
        ? undefined
        : resolveRedactor('SinkSpanExporter: redact', options.redact),
    checker: options.checker,
    onError: options.onError,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

function resolveSink(name: string, entry: unknown, fallback: Delivery): NamedSink {
  const path = `sinks[${JSON.stringify(name)}]`;
  if (!SINK_NAME.test(name)) {
    throw invalid(path, `is not a sink's name: it must match ${SINK_NAME.source}`);
  }
  if (isSink(entry)) {
    return { name, sink: entry, checker: undefined, delivery: fallback, startAt: 'end' };
  }
  const { sink, checker, delivery, startAt = 'end' } = (entry ?? {}) as Partial<SinkEntry>;
  if (!isSink(sink)) {
    throw invalid(path, 'must be a sink, or { sink, checker?, delivery?, startAt? }');
  }
  requireKnown(`${path}.`, entry as object, ENTRY_OPTIONS);
  requireChecker(`${path}.checker`, checker);
  if (startAt !== 'end' && startAt !== 'beginning') {
    throw invalid(`${path}.startAt`, "must be 'beginning' or 'end'");
  }
  return {
    name,
    sink,
    checker,
    startAt,
    delivery: resolveDelivery(`SinkSpanExporter: ${path}.delivery`, delivery, fallback),
  };
}

/** A sink that consists of several gets a lane for each: what one refuses is not sent to the others again. */
function partsOf(named: NamedSink): NamedSink[] {
  return lanesOf(named.name, named.sink).map(([name, sink]) => {
    if (SINK_NAME.test(name)) return { ...named, name, sink };
    throw invalid(
      `sinks[${JSON.stringify(named.name)}]`,
      `is too long a name for its part ${name}`,
    );
  });
}

function requireKnown(path: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw invalid(`${path}${unknown}`, `is no option; there are ${known.join(', ')}`);
}

function isSink(value: unknown): value is Sink {
  return typeof (value as Partial<Sink> | null | undefined)?.sendAudits === 'function';
}

/** Refuses a deadline that is no time in milliseconds which a timer can hold. */
export function requireTimeout(option: string, timeoutMs: number): void {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return;
  const fault = `must be a number above 0, at most ${MAX_TIMEOUT_MS}, not ${String(timeoutMs)}`;
  throw new AuditError('invalid-option', `${option} ${fault}`);
}

function requireFunction(path: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw invalid(path, 'must be a function');
}

function requireClock(value: Partial<Clock> | undefined): void {
  if (value === undefined) return;
  for (const method of ['now', 'monotonic', 'schedule'] as const) {
    if (typeof value?.[method] !== 'function') {
      throw invalid('clock', `must be a clock; ${method} is not a function`);
    }
  }
}

function requireChecker(path: string, value: EventPairChecker | undefined): void {
  if (value !== undefined && typeof value?.check !== 'function') {
    throw invalid(path, 'must be a checker, an object with check(pair)');
  }
}

function invalid(path: string, fault: string): AuditError {
  return new AuditError('invalid-option', `SinkSpanExporter: ${path} ${fault}`);
}
