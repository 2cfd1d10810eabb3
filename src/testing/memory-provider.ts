import { context, propagation, type TracerProvider, trace } from '@opentelemetry/api';
import type { EventPairChecker } from '../checker.js';
import { asRecorded } from '../event/attributes.js';
import type { AuditEvent } from '../event/event.js';
import { Capture } from '../exporter/capture.js';
import { AuditSpanProcessor } from '../exporter/processor.js';
import { toRecorded } from '../exporter/recorded.js';
import type { SpanRules } from '../exporter/rules.js';
import type { Sampler } from '../exporter/sampler.js';
import { CAPTURE } from '../exporter/span-capture.js';
import type { AuditReceipt } from '../receipt.js';

/** What {@link memoryProvider} takes besides the provider's class; as for a `SinkSpanExporter`. */
export interface MemoryProviderOptions {
  readonly checker?: EventPairChecker | undefined;
  readonly rules?: SpanRules | undefined;
}

/** A tracer provider whose audit events stay in memory. */
export interface MemoryProvider<Provider> {
  readonly provider: Provider;
  /** Every event recorded so far, in order; there as soon as it is recorded. */
  readonly events: readonly AuditEvent[];
  /** Why what was added to spans made no event. */
  readonly malformed: readonly string[];
  /** For `sender`: receipts at once, their hash all zeros; `null` where the checker says no. */
  sendAudits(events: readonly AuditEvent[]): Promise<(AuditReceipt | null)[]>;
  /** Makes `sendAudits` reject with this error, until called without one. */
  failWith(error?: Error): void;
  /** Forgets what was recorded. */
  clear(): void;
  /** Shuts the provider down and takes back that it was registered. */
  shutdown(): Promise<void>;
}

/** The class of a provider: an SDK's `NodeTracerProvider`, `BasicTracerProvider` or `TracerProvider`. */
export type ProviderClass<Provider> = new (config: {
  spanProcessors: AuditSpanProcessor[];
  sampler: Sampler;
}) => Provider;

const SAMPLED = 2;
const HASH = '0'.repeat(64);

/**
 * A registered tracer provider for tests, with every span sampled and every audit event kept in memory:
 * captured as `AuditSpanProcessor` captures it, without an exporter, timers or files. Make it once a test
 * file, for tracers that were made before stay with the provider they found first, and `clear()` it
 * between tests.
 *
 * @example
 * const audit = memoryProvider(NodeTracerProvider);
 * await createFlag('a');
 * expect(audit).toHaveAudited('flag:created', { payload: { key: 'a' } });
 */
export function memoryProvider<
  Provider extends TracerProvider & { register?(): void; shutdown(): Promise<void> },
>(
  Provider: ProviderClass<Provider>,
  { checker, rules }: MemoryProviderOptions = {},
): MemoryProvider<Provider> {
  let events: AuditEvent[] = [];
  let malformed: string[] = [];
  let failure: Error | undefined;
  const passes = ({ type, action }: AuditEvent) => checker?.check(`${type}:${action}`) !== false;
  const capture = new Capture(
    {
      queued() {},
      event(event, _late, trace) {
        if (passes(event)) events.push(trace === undefined ? event : asRecorded(event, trace));
        return undefined;
      },
      malformed({ reason }) {
        malformed.push(reason);
        return undefined;
      },
    },
    undefined,
    rules,
  );
  const exporter = { [CAPTURE]: capture, forceFlush: async () => {}, shutdown: async () => {} };
  const provider = new Provider({
    spanProcessors: [new AuditSpanProcessor(exporter)],
    sampler: { shouldSample: () => ({ decision: SAMPLED }), toString: () => 'Sampled' },
  });
  if (provider.register === undefined) trace.setGlobalTracerProvider(provider);
  else provider.register();
  return {
    provider,
    get events() {
      capture.drain();
      return events;
    },
    get malformed() {
      capture.drain();
      return malformed;
    },
    async sendAudits(given) {
      capture.drain();
      if (failure !== undefined) throw failure;
      return given
        .map((event, index) => toRecorded(event, index, false))
        .map((event) => {
          if (!passes(event)) return null;
          const sequence = events.push(event);
          return { recordId: event.id, sequence, hash: HASH, recordedAt: new Date().toISOString() };
        });
    },
    failWith(error) {
      failure = error;
    },
    clear() {
      capture.drain();
      events = [];
      malformed = [];
    },
    async shutdown() {
      for (const api of [trace, context, propagation]) api.disable();
      await provider.shutdown();
    },
  };
}
