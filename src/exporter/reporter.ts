import { Burst } from '../burst.js';
import type { Clock } from '../clock.js';
import { complain, warn } from '../diagnostics.js';
import { AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { atEndOfTurn } from '../turn.js';

/** Where an error happened. */
export interface ErrorContext {
  readonly sink?: string;
  /** The events that it happened to, at most a thousand. */
  readonly events?: readonly AuditEvent[] | undefined;
}

/**
 * Told of every error, by the user's choice. What goes wrong in the same way in one turn of the event
 * loop is told once, with all the events that it happened to.
 */
export type OnError = (error: AuditError, context: ErrorContext) => void;

/** What went wrong in this turn and is not told yet. */
interface Untold {
  readonly error: AuditError;
  readonly sink: string | undefined;
  readonly events: AuditEvent[];
  more: number;
}

/** A turn that loses events by the million must not keep them all in memory. */
const MAX_EVENTS = 1000;

/** Tells what went wrong: `onError` once a turn and subject, `diag` once a burst and subject. */
export class Reporter {
  readonly #clock: Clock;
  readonly #onError: OnError | undefined;
  readonly #bursts = new Map<string, Burst>();
  #untold = new Map<string, Untold>();

  constructor(clock: Clock, onError: OnError | undefined) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** @param subject what the bursts are counted by; a closed set, for each is remembered */
  error(subject: string, error: AuditError, context: ErrorContext = {}): AuditError {
    this.#burst(subject, complain).add(error.message);
    this.#gather(subject, error, context);
    return error;
  }

  warning(subject: string, message: string, error: AuditError, context: ErrorContext = {}): void {
    this.#burst(subject, warn).add(message);
    this.#gather(subject, error, context);
  }

  /** Tells `onError` what is gathered; the end of a turn does it, and the end of the process. */
  tell(): void {
    const untold = this.#untold;
    this.#untold = new Map();
    for (const { error, sink, events, more } of untold.values()) {
      const { code, message, cause } = error;
      const joined =
        more === 0
          ? error
          : new AuditError(code, `${message} (and ${more} more like it)`, {
              cause: cause ?? error,
            });
      this.#tell(joined, {
        ...(sink !== undefined && { sink }),
        ...(events.length > 0 && { events }),
      });
    }
  }

  #burst(subject: string, tell: (message: string) => void): Burst {
    let burst = this.#bursts.get(subject);
    if (burst === undefined) {
      burst = new Burst(this.#clock, tell);
      this.#bursts.set(subject, burst);
    }
    return burst;
  }

  #gather(subject: string, error: AuditError, { sink, events = [] }: ErrorContext): void {
    if (this.#onError === undefined) return;
    const untold = this.#untold.get(subject);
    if (untold === undefined) {
      if (this.#untold.size === 0) atEndOfTurn(() => this.tell());
      this.#untold.set(subject, { error, sink, events: events.slice(0, MAX_EVENTS), more: 0 });
      return;
    }
    untold.more += 1;
    for (const event of events) {
      if (untold.events.length < MAX_EVENTS) untold.events.push(event);
    }
  }

  /** Nothing that the user's handler throws may reach the application. */
  #tell(error: AuditError, context: ErrorContext): void {
    const survive = (thrown: unknown) =>
      this.#burst('onError', complain).add(`onError threw: ${messageOf(thrown)}`);
    try {
      const returned: unknown = this.#onError?.(error, context);
      Promise.resolve(returned).catch(survive); // an async handler fits the type
    } catch (thrown) {
      survive(thrown);
    }
  }
}
