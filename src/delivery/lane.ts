import { context, createContextKey } from '@opentelemetry/api';
import type { Clock, Timer } from '../clock.js';
import type { AuditEvent } from '../event/event.js';
import { type Sink, SinkError } from '../sink.js';

// The key that every SDK looks up; `@opentelemetry/core` makes it the same way.
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Takes batches to one sink, one at a time, each under a deadline. */
export class Lane {
  readonly #sink: Sink;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  /** Settles when every earlier attempt is decided, also one that its deadline decided. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Settles when the sink is done with the last attempt, also one given up at its deadline. */
  #free: Promise<unknown> = Promise.resolve();

  constructor(sink: Sink, timeoutMs: number, clock: Clock) {
    this.#sink = sink;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /**
   * Hands a batch to the sink once the earlier ones are through.
   *
   * @throws what the sink throws, or a `transient` SinkError at the deadline.
   */
  send(events: readonly AuditEvent[]): Promise<void> {
    const attempt = this.#turn.then(() => this.#attempt(events));
    this.#turn = attempt.catch(() => {});
    return attempt;
  }

  /** The deadline includes waiting for a sink that still holds on to a batch given up before. */
  async #attempt(events: readonly AuditEvent[]): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const sent = this.#free.then(async () => {
      signal.throwIfAborted(); // the deadline passed in the queue: nothing was sent
      // A sink's own requests must not become spans that are exported again.
      const quiet = context.active().setValue(SUPPRESS_TRACING, true);
      await context.with(quiet, () => this.#sink.sendAudits(events, { signal, attempt: 1 }));
    });
    this.#free = sent.catch(() => {});
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.schedule(() => {
        const error = new SinkError('transient', `not stored within ${this.#timeoutMs} ms`);
        reject(error);
        controller.abort(error);
      }, this.#timeoutMs);
      timer.hold();
    });
    try {
      await Promise.race([sent, late]);
    } finally {
      timer?.cancel();
    }
  }
}
