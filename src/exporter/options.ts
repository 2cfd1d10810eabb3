import type { EventPairChecker } from '../checker.js';
import type { Clock } from '../clock.js';
import type { DeliveryOptions } from '../delivery/options.js';
import { warn } from '../diagnostics.js';
import { AuditError } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import type { LedgerOptions } from '../ledger/options.js';
import type { Sink } from '../sink.js';
import type { RedactOptions } from './redact.js';

/** A sink with its own filter and pace. */
export interface SinkEntry {
  readonly sink: Sink;
  /** Asked after the exporter's checker. */
  readonly checker?: EventPairChecker | undefined;
  readonly delivery?: DeliveryOptions | undefined;
}

/** Where an error happened. */
export interface ErrorContext {
  readonly sink?: string;
  readonly events?: readonly AuditEvent[] | undefined;
}

/** What `new SinkSpanExporter` takes. */
export interface SinkSpanExporterOptions {
  /** The sinks by name; a name matches `^[a-z][a-z0-9-]{0,62}$`. */
  readonly sinks: Readonly<Record<string, Sink | SinkEntry>>;
  /** Which events pass. Default: every event. */
  readonly checker?: EventPairChecker | undefined;
  /** Accepted, not yet in use: this version hands batches to the sinks straight from memory. */
  readonly ledger?: string | LedgerOptions | undefined;
  /** Accepted; of its members only `timeoutMs` is in use in this version. */
  readonly delivery?: DeliveryOptions | undefined;
  /** Accepted, not yet in use: values are written in clear, and `diag` warns so. */
  readonly redact?: RedactOptions | undefined;
  /** Told of every malformed event and every failed batch. What it throws is logged, no more. */
  readonly onError?: ((error: AuditError, context: ErrorContext) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** Numbers from 0 inclusive to 1 exclusive, as `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** One sink, ready for use. */
export interface NamedSink {
  readonly name: string;
  readonly sink: Sink;
  readonly checker: EventPairChecker | undefined;
  /** Deadline of one attempt, in milliseconds. */
  readonly timeoutMs: number;
}

const SINK_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1; // setTimeout's bound

/** Checks the options that decide how the exporter starts; the message names option and value. */
export function resolveSinks(options: SinkSpanExporterOptions): readonly NamedSink[] {
  if (typeof options?.sinks !== 'object' || options.sinks === null) {
    throw invalid('sinks', 'must be an object of sinks by name');
  }
  requireFunction('onError', options.onError);
  requireFunction('random', options.random);
  requireChecker('checker', options.checker);
  for (const option of ['ledger', 'redact'] as const) {
    if (options[option] !== undefined) {
      warn(`the option ${option} is accepted but has no effect in this version`);
    }
  }
  const timeoutMs = timeoutOf('delivery', options.delivery, DEFAULT_TIMEOUT_MS);
  const sinks = Object.entries(options.sinks).map(([name, entry]) =>
    resolveSink(name, entry, timeoutMs),
  );
  for (const [index, { name, sink }] of sinks.entries()) {
    const twin = sinks.slice(0, index).find((other) => other.sink === sink);
    if (twin !== undefined) {
      throw invalid(`sinks.${name}`, `is the same object as sinks.${twin.name}; make one a name`);
    }
  }
  if (sinks.length === 0) throw invalid('sinks', 'must name at least one sink');
  return sinks;
}

function resolveSink(name: string, entry: unknown, timeoutMs: number): NamedSink {
  const path = `sinks[${JSON.stringify(name)}]`;
  if (!SINK_NAME.test(name)) {
    throw invalid(path, `is not a sink's name: it must match ${SINK_NAME.source}`);
  }
  const { sink, checker, delivery }: Partial<SinkEntry> = isSink(entry)
    ? { sink: entry }
    : ((entry ?? {}) as Partial<SinkEntry>);
  if (!isSink(sink)) throw invalid(path, 'must be a sink, or { sink, checker?, delivery? }');
  requireChecker(`${path}.checker`, checker);
  return { name, sink, checker, timeoutMs: timeoutOf(`${path}.delivery`, delivery, timeoutMs) };
}

function isSink(value: unknown): value is Sink {
  return typeof (value as Partial<Sink> | null | undefined)?.sendAudits === 'function';
}

function timeoutOf(path: string, delivery: DeliveryOptions | undefined, fallback: number): number {
  if (delivery !== undefined && (typeof delivery !== 'object' || delivery === null)) {
    throw invalid(path, 'must be an object');
  }
  const timeoutMs = delivery?.timeoutMs ?? fallback;
  requireTimeout(`SinkSpanExporter: ${path}.timeoutMs`, timeoutMs);
  return timeoutMs;
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

function requireChecker(path: string, value: EventPairChecker | undefined): void {
  if (value !== undefined && typeof value?.check !== 'function') {
    throw invalid(path, 'must be a checker, an object with check(pair)');
  }
}

function invalid(path: string, fault: string): AuditError {
  return new AuditError('invalid-option', `SinkSpanExporter: ${path} ${fault}`);
}
