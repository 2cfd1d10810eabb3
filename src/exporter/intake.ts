import type { Attributes } from '@opentelemetry/api';
import type { EventPairChecker } from '../checker.js';
import { AuditError, messageOf } from '../errors.js';
import { decodeSpanEvent, encodeEvent } from '../event/attributes.js';
import type { AuditEvent, EventTrace } from '../event/event.js';
import { createId } from '../event/id.js';
import { boundOfJson, eventToJson } from '../event/json.js';
import { jsonFault } from '../event/texts.js';
import {
  type EventContent,
  hashOf,
  type MalformedContent,
  type RecordContent,
  recorded,
} from '../ledger/record.js';
import type { Redactor } from './redact.js';
import type { Reporter } from './reporter.js';
import type { Store } from './store.js';

/** What an intake needs. */
export interface IntakeOptions {
  readonly checker: EventPairChecker | undefined;
  readonly maxEventBytes: number;
  readonly redactor: Redactor | undefined;
  readonly store: Pick<Store, 'newest' | 'append'>;
  readonly reporter: Reporter;
  readonly attributesToText: (attributes: Attributes) => string;
}

/** The way in: checks events and hands them on to be kept. Counts what becomes of each. */
export class Intake {
  readonly #options: IntakeOptions;
  #emitted = 0;
  #rejected = 0;
  #malformed = 0;
  #dropped = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Events that passed the checker and are kept; one that is known already does not count again. */
  get emitted(): number {
    return this.#emitted;
  }

  /** Events that the checker turned away. */
  get rejected(): number {
    return this.#rejected;
  }

  get malformed(): number {
    return this.#malformed;
  }

  /** Lost for good. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether the checker lets an event pass. @throws {AuditError} `checker-failed` */
  passes(event: AuditEvent, trace?: EventTrace): boolean {
    const { checker, reporter } = this.#options;
    try {
      if (checker === undefined || checker.check(`${event.type}:${event.action}`)) return true;
    } catch (cause) {
      const error = new AuditError('checker-failed', `the checker failed: ${messageOf(cause)}`, {
        cause,
      });
      throw reporter.error('checker', error, {
        events: this.#shown(contentOf(event, false, trace)),
      });
    }
    this.#rejected += 1;
    return false;
  }

  /** @throws {AuditError} `event-too-large`, naming the event by its index */
  requireSize(event: AuditEvent, index: number): void {
    const bytes = this.#excessOf(event);
    if (bytes === undefined) return;
    throw new AuditError(
      'event-too-large',
      `events[${index}] takes ${bytes} bytes, more than maxEventBytes, ${this.#options.maxEventBytes}`,
    );
  }

  /**
   * The event without what is to be hidden.
   *
   * @throws {AuditError} `invalid-event` or `event-too-large`, naming the event by its index
   */
  redact(event: AuditEvent, index: number): AuditEvent {
    const { redactor } = this.#options;
    if (redactor === undefined) return event;
    let redacted: AuditEvent;
    try {
      redacted = redactor.redact(event);
    } catch (error) {
      throw new AuditError('invalid-event', `events[${index}] ${notRedacted(error)}`);
    }
    if (redacted !== event) this.requireSize(redacted, index);
    return redacted;
  }

  /** Keeps an event for somebody who waits for it. @throws {AuditError} why it cannot be kept */
  accept(event: AuditEvent): number {
    const { sequence, isNew } = this.#keep({ id: event.id, event });
    if (isNew) this.#emitted += 1;
    return sequence;
  }

  /**
   * Keeps an event that is there already, whatever is wrong with it; a checker that throws turns
   * nothing away.
   *
   * @param trace where it was recorded, if that is not what the event itself says
   * @returns undefined if the checker turned it away
   * @throws {AuditError} when it is lost; it is reported already
   */
  capture(given: AuditEvent, late = false, trace?: EventTrace): number | undefined {
    if (!this.#passesUnlessTurnedAway(given, trace)) return undefined;
    let event = given;
    let fault = this.#largenessOf(event);
    const { redactor } = this.#options;
    if (redactor !== undefined && fault === undefined) {
      try {
        event = redactor.redact(given);
        if (event !== given) fault = this.#largenessOf(event);
      } catch (error) {
        fault = `it ${notRedacted(error)}`;
      }
    }
    const content = contentOf(event, late, trace);
    if (fault !== undefined) return this.captureMalformed(this.#unfit(content, fault));
    try {
      const { sequence, isNew } = this.#keep(content);
      if (isNew) this.#emitted += 1;
      return sequence;
    } catch (error) {
      const whole = recorded(content);
      if (isConflict(error)) return this.#captureAnew(whole, error);
      throw this.#lose(error, whole.event);
    }
  }

  /** Keeps what has attributes of ours but is no event. @throws {AuditError} as above */
  captureMalformed(content: MalformedContent): number {
    try {
      const { sequence, isNew } = this.#keepUnderSomeId(content);
      if (isNew) this.#tellMalformed(content.reason);
      return sequence;
    } catch (error) {
      this.#tellMalformed(content.reason);
      throw this.#lose(error, undefined);
    }
  }

  /** Counts events that were accepted and can no longer be kept. */
  countDropped(count: number): void {
    this.#dropped += count;
  }

  /** Bytes of an event's JSON if they are too many, otherwise undefined. */
  #excessOf(event: AuditEvent): number | undefined {
    const { maxEventBytes } = this.#options;
    if (boundOfJson(event) <= maxEventBytes) return undefined;
    const bytes = Buffer.byteLength(eventToJson(event));
    return bytes > maxEventBytes ? bytes : undefined;
  }

  #largenessOf(event: AuditEvent): string | undefined {
    const bytes = this.#excessOf(event);
    if (bytes === undefined) return undefined;
    return `it takes ${bytes} bytes, more than maxEventBytes, ${this.#options.maxEventBytes}`;
  }

  #keep(content: RecordContent): { readonly sequence: number; readonly isNew: boolean } {
    const { store } = this.#options;
    const { newest } = store;
    const sequence = store.append(content);
    return { sequence, isNew: sequence > newest };
  }

  #keepUnderSomeId(content: MalformedContent) {
    try {
      return this.#keep(content);
    } catch (error) {
      if (!isConflict(error)) throw error;
      return this.#keep({ ...content, id: createId() });
    }
  }

  #tellMalformed(reason: string): void {
    this.#malformed += 1;
    this.#options.reporter.warning(
      'malformed',
      `a malformed audit event is not delivered: ${reason}`,
      new AuditError('malformed-event', reason),
    );
  }

  /** An event for those who hear of errors: without what is to be hidden, or not at all. */
  #shown(content: EventContent): AuditEvent[] {
    try {
      const { event } = recorded(content);
      return [this.#options.redactor?.redact(event) ?? event];
    } catch {
      return [];
    }
  }

  /** An event that nobody waits for must not be lost because its checker fails: it is kept. */
  #passesUnlessTurnedAway(event: AuditEvent, trace?: EventTrace): boolean {
    try {
      return this.passes(event, trace);
    } catch {
      return true; // it is reported
    }
  }

  /** A reused id must not silence an event. */
  #captureAnew({ event, late }: EventContent, conflict: AuditError): number {
    const id = createId();
    const decoded = decodeSpanEvent(
      { ...encodeEvent(event), 'flipt.event.id': id },
      { id: () => id, trace: event.trace },
    );
    if (decoded.kind !== 'event') throw this.#lose(conflict, event);
    let sequence: number;
    try {
      ({ sequence } = this.#keep(contentOf(decoded.event, late === true)));
    } catch (error) {
      throw this.#lose(error, event);
    }
    this.#emitted += 1;
    this.#options.reporter.error(
      'conflict',
      new AuditError('conflict', `${conflict.message}; it is recorded under the id ${id}`),
      { events: [event] },
    );
    return sequence;
  }

  /** What is kept of an event that cannot be kept as one. */
  #unfit(content: EventContent, reason: string): MalformedContent {
    const { id, event, late = false, trace = event.trace } = content;
    let attributesText = this.#options.attributesToText(encodeEvent(event));
    if (Buffer.byteLength(attributesText) > this.#options.maxEventBytes) {
      const sha256 = hashOf(Buffer.from(attributesText));
      attributesText = `{"length":${Buffer.byteLength(attributesText)},"sha256":"${sha256}"}`;
    }
    return { id, late, trace, reason, attributesText };
  }

  #lose(cause: unknown, event: AuditEvent | undefined): AuditError {
    this.#dropped += 1;
    const error =
      cause instanceof AuditError
        ? new AuditError(cause.code, `an audit event is lost: ${cause.message}`, { cause })
        : new AuditError('ledger-unavailable', `an audit event is lost: ${messageOf(cause)}`, {
            cause,
          });
    const events = event === undefined ? [] : [event];
    return this.#options.reporter.error('lost', error, { events });
  }
}

/** The error's own words may quote what was to be hidden. */
function notRedacted(error: unknown): string {
  return `cannot be redacted: ${jsonFault(error)}`;
}

function contentOf(event: AuditEvent, late: boolean, trace?: EventTrace): EventContent {
  return late ? { id: event.id, event, late, trace } : { id: event.id, event, trace };
}

function isConflict(error: unknown): error is AuditError {
  return error instanceof AuditError && error.code === 'conflict';
}
