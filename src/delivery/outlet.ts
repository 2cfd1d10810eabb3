import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Clock } from '../clock.js';
import type { AuditEvent } from '../event/event.js';
import { type RecordInfo, type SendContext, type Sink, SinkError } from '../sink.js';

// The key that every SDK looks up; `@opentelemetry/core` makes it the same way.
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/**
 * Where sinks run: a sink's own requests must not become spans that are exported again, and a request
 * that happened to wake the lane is nothing to them.
 */
const QUIET = ROOT_CONTEXT.setValue(SUPPRESS_TRACING, true);

/** What one attempt hands to a sink. */
export interface Batch {
  /** The sink's to keep: no later attempt uses this array. */
  readonly events: readonly AuditEvent[];
  readonly records: readonly RecordInfo[] | undefined;
  /** From 1. */
  readonly attempt: number;
}

/** An attempt under way. */
export interface Sending {
  /**
   * Settles as the sink's promise does, later than the deadline where the sink takes its time: what
   * it says in the end counts, and until then nothing else is sent to it.
   */
  readonly outcome: Promise<void>;
  /** Aborts the sink's signal, or gives up its place while it waits for an earlier batch. */
  abort(reason: unknown): void;
}

/** A sink with a gate: one batch at a time, whoever sends, and each under a deadline. */
export class Outlet {
  readonly #sink: Sink;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #busy = false;
  #queue: (() => void)[] = [];
  #overdueSince: number | undefined;

  constructor(sink: Sink, timeoutMs: number, clock: Clock) {
    this.#sink = sink;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Deadline of one attempt. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Since when the sink ignores its aborted signal, in the clock's monotonic time. */
  get overdueSince(): number | undefined {
    return this.#overdueSince;
  }

  /** Makes one attempt, once the sink is done with every earlier one. */
  send(batch: Batch): Sending {
    const controller = new AbortController();
    let leave: (() => void) | undefined;
    const outcome = this.#busy
      ? new Promise<void>((resolve, reject) => {
          const enter = () => {
            leave = undefined;
            this.#attempt(batch, controller).then(resolve, reject);
          };
          leave = () => {
            this.#queue = this.#queue.filter((other) => other !== enter);
            reject(controller.signal.reason);
          };
          this.#queue.push(enter);
        })
      : this.#attempt(batch, controller);
    return {
      outcome,
      abort(reason) {
        controller.abort(reason);
        leave?.();
      },
    };
  }

  async #attempt(batch: Batch, controller: AbortController): Promise<void> {
    this.#busy = true;
    const { signal } = controller;
    const timer = this.#clock.schedule(() => {
      this.#overdueSince = this.#clock.monotonic();
      controller.abort(new SinkError('transient', `not stored within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    const { events, records, attempt } = batch;
    const sendContext: SendContext =
      records === undefined ? { signal, attempt } : { signal, attempt, records };
    try {
      await context.with(QUIET, () => this.#sink.sendAudits(events, sendContext));
    } catch (thrown) {
      // Many a client throws an AbortError of its own; the deadline tells more than "aborted".
      if (signal.aborted && !(thrown instanceof SinkError)) throw signal.reason;
      throw thrown;
    } finally {
      timer.cancel();
      this.#overdueSince = undefined;
      this.#busy = false;
      this.#queue.shift()?.();
    }
  }
}
