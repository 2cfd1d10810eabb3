import { context, createContextKey } from '@opentelemetry/api';
import type { Clock, Timer } from '../clock.js';
import type { AuditEvent } from '../event/event.js';
import { type Sink, SinkError } from '../sink.js';

// The key that every SDK looks up; `@opentelemetry/core` makes it the same way.
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Takes batches to one sink, one at a time, each under a deadline. */
export class AttemptOnce {
  readonly #sink: Sink;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  /** Settles when the sink is done with every earlier batch, also with one given up at its deadline. */
  #free: Promise<unknown> = Promise.resolve();

  constructor(sink: Sink, timeoutMs: number, clock: Clock) {
    this.#sink = sink;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /**
   * Hands a batch to the sink once the earlier ones are through. The deadline runs from now on, so a
   * hung sink holds neither a caller nor a batch longer than that.
   *
   * @throws what the sink throws, or a `transient` SinkError at the deadline.
   */
  async send(events: readonly AuditEvent[]): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    let batch = events;
    const sent = this.#free.then(async () => {
      signal.throwIfAborted(); // the deadline passed in the queue: nothing was sent
      // A sink's own requests must not become spans that are exported again.
      const quiet = context.active().setValue(SUPPRESS_TRACING, true);
      await context.with(quiet, () => this.#sink.sendAudits(batch, { signal, attempt: 1 }));
    });
    this.#free = sent.catch(() => {});
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.schedule(() => {
        const error = new SinkError('transient', `not stored within ${this.#timeoutMs} ms`);
        reject(error);
        controller.abort(error);
        batch = []; // a sink that never settles must not keep alive what queued behind it
      }, this.#timeoutMs);
    });
    try {
      await Promise.race([sent, late]);
    } finally {
      timer?.cancel();
    }
  }
}
