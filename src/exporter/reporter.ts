import { Burst } from '../burst.js';
import type { Clock } from '../clock.js';
import { complain, warn } from '../diagnostics.js';
import { type AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';

/** Where an error happened. */
export interface ErrorContext {
  readonly sink?: string;
  readonly events?: readonly AuditEvent[] | undefined;
}

/** Told of every error, by the user's choice. */
export type OnError = (error: AuditError, context: ErrorContext) => void;

/** Tells what went wrong: `onError` each time, `diag` once a burst and subject. */
export class Reporter {
  readonly #clock: Clock;
  readonly #onError: OnError | undefined;
  readonly #bursts = new Map<string, Burst>();

  constructor(clock: Clock, onError: OnError | undefined) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** @param subject what the bursts are counted by; a closed set, for each is remembered */
  error(subject: string, error: AuditError, context: ErrorContext = {}): AuditError {
    this.#burst(subject, complain).add(error.message);
    this.#tell(error, context);
    return error;
  }

  warning(subject: string, message: string, error: AuditError, context: ErrorContext = {}): void {
    this.#burst(subject, warn).add(message);
    this.#tell(error, context);
  }

  #burst(subject: string, tell: (message: string) => void): Burst {
    let burst = this.#bursts.get(subject);
    if (burst === undefined) {
      burst = new Burst(this.#clock, tell);
      this.#bursts.set(subject, burst);
    }
    return burst;
  }

  /** Nothing that the user's handler throws may reach the application. */
  #tell(error: AuditError, context: ErrorContext): void {
    const survive = (thrown: unknown) => complain(`onError threw: ${messageOf(thrown)}`);
    try {
      const returned: unknown = this.#onError?.(error, context);
      Promise.resolve(returned).catch(survive); // an async handler fits the type
    } catch (thrown) {
      survive(thrown);
    }
  }
}
