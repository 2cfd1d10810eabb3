import { context, createContextKey } from '@opentelemetry/api';
import type { Clock, Timer } from '../clock.js';
import type { AuditEvent } from '../event/event.js';
import { type Sink, SinkError } from '../sink.js';

// The key that every SDK looks up; `@opentelemetry/core` makes it the same way.
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** One attempt to send. */
export interface Attempt {
  readonly sink: Sink;
  readonly events: readonly AuditEvent[];
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Hands a batch to a sink once: under a deadline, and with tracing suppressed, since a sink's own
 * requests must not become spans that are exported again. A sink that ignores the abort is not waited
 * for past the deadline.
 *
 * @throws what the sink throws, or a `transient` SinkError at the deadline.
 */
export async function attemptSend({ sink, events, timeoutMs, clock }: Attempt): Promise<void> {
  const controller = new AbortController();
  const quiet = context.active().setValue(SUPPRESS_TRACING, true);
  let timer: Timer | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = clock.schedule(() => {
        const error = new SinkError('transient', `not stored within ${timeoutMs} ms`);
        controller.abort(error);
        reject(error);
      }, timeoutMs);
      timer.hold();
      // Async, so that a sink that throws at once rejects like any other.
      const send = async () => sink.sendAudits(events, { signal: controller.signal, attempt: 1 });
      context.with(quiet, send).then(resolve, reject);
    });
  } finally {
    timer?.cancel();
  }
}
