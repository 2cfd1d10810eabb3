import type { Attributes, Span } from '@opentelemetry/api';
import { Burst } from '../burst.js';
import { type Clock, systemClock } from '../clock.js';
import { complain } from '../diagnostics.js';
import { type AuditError, messageOf } from '../errors.js';
import { decodeSpanEvent, requireRecordable, takeHandedOver } from '../event/attributes.js';
import type { AuditEvent } from '../event/event.js';
import { noteResource } from '../event/span-resource.js';
import { WATCHING, type Watching, watchingOf } from '../event/watching.js';
import { AUDIT_KEYS, attributesToText } from './attributes-text.js';
import type { CaptureTarget } from './capture-target.js';
import { droppedEventsOf, malformedContent, SpanOrigin } from './collect.js';
import { RULES, type SpanRules } from './rules.js';
import type { ReadableSpan } from './span.js';
import type { LiveSpan, SpanCapture } from './span-capture.js';

type AddEvent = Span['addEvent'];

/**
 * Gets audit events out of spans the moment they are added, before an SDK's limits can cut their JSON
 * or shift them out, and hands them on, decoded, at the end of the turn.
 */
export class Capture implements SpanCapture {
  readonly #target: CaptureTarget;
  readonly #burst: Burst;
  /** Spans whose events were taken though nothing on the span shows it. */
  readonly #taken = new WeakSet<object>();
  /** Why an event of a span is lost, where one is. */
  readonly #losses = new WeakMap<object, AuditError>();
  /** How many audit events were added to a span after its end. */
  readonly #lateCounts = new WeakMap<object, number>();
  readonly #rules: SpanRules | undefined;
  readonly #toText: (attributes: Attributes) => string;
  /** The ids of the events that rules have made of a span. */
  readonly #ruled = new WeakMap<object, string[]>();
  readonly #watchers = new WeakMap<AddEvent, AddEvent>();
  // Nearly all spans of a process have one `addEvent`: looking into the map costs more than the rest.
  #lastOriginal: AddEvent | undefined;
  #lastWatcher: AddEvent | undefined;
  #queue: Captured[] = [];
  #next = 0;

  /** @param toText makes JSON of attributes that make no event */
  constructor(
    target: CaptureTarget,
    clock: Clock = systemClock,
    rules?: SpanRules,
    toText = attributesToText,
  ) {
    this.#target = target;
    this.#rules = rules;
    this.#toText = toText;
    this.#burst = new Burst(clock, complain);
  }

  /**
   * Captures what is added to the span from now on, and what was before. A span that lets nobody
   * replace its `addEvent` is left to {@link takeEnded}.
   */
  watch(span: LiveSpan): void {
    noteResource(span);
    const original = span.addEvent;
    const watcher = original === this.#lastOriginal ? this.#lastWatcher : this.#watcherOf(original);
    if (watcher === undefined || !span.isRecording()) return;
    try {
      // An own property: ten times cheaper than `defineProperty` or a closure a span.
      (span as { addEvent: AddEvent }).addEvent = watcher;
    } catch {
      return; // frozen
    }
    if (span.addEvent === watcher && span.events.length > 0) this.#takeAll(span);
  }

  /** Takes the events of a span that was not watched, and those that rules make of it. */
  takeEnded(span: ReadableSpan, rules?: SpanRules): void {
    if (!this.hasSeen(span) && !this.hasTaken(span)) {
      this.#taken.add(span);
      this.#takeAll(span);
    }
    this.takeRuled(span);
    if (rules !== undefined) this.takeRuled(span, rules);
  }

  /** Takes the events that rules, by default the exporter's, make of an ended span; each is taken once. */
  takeRuled(span: ReadableSpan, rules = this.#rules): void {
    const events = rules?.[RULES](span);
    if (events === undefined) return;
    const ids = this.#ruled.get(span) ?? [];
    this.#ruled.set(span, ids);
    for (const event of events) {
      if (ids.includes(event.id)) continue;
      ids.push(event.id);
      this.#enqueue({
        span,
        number: 0,
        late: false,
        event,
        attributes: NOTHING,
        attributesText: undefined,
      });
    }
  }

  /** Whether rules have made events of the span. */
  hasRuled(span: object): boolean {
    return this.#ruled.has(span);
  }

  /** Whether the span is watched from its start, so that all of its events are captured. */
  hasSeen(span: object): boolean {
    const addEvent = (span as { addEvent?: unknown }).addEvent;
    return (
      addEvent !== undefined && (addEvent === this.#lastWatcher || this.#watchesThrough(addEvent))
    );
  }

  #watchesThrough(addEvent: unknown): boolean {
    let watching = watchingOf(addEvent);
    // Several exporters may watch one span, one upon the other.
    while (watching !== undefined && watching.capture !== this) {
      watching = watchingOf(watching.original);
    }
    return watching !== undefined;
  }

  /** Whether the span's events were taken though {@link hasSeen} cannot tell. */
  hasTaken(span: object): boolean {
    return this.#taken.has(span);
  }

  /** Why an event that was captured on the span could not be kept, if one could not. */
  lossOf(span: object): AuditError | undefined {
    return this.#losses.get(span);
  }

  /** Hands everything captured so far to the target, in order. */
  drain(): void {
    if (this.#queue.length === 0) return;
    let origin: SpanOrigin | undefined;
    let span: object | undefined;
    // What the target calls may capture more or drain itself: this loop then goes on, or finds nothing.
    while (this.#next < this.#queue.length) {
      const captured = this.#queue[this.#next]!;
      this.#next += 1;
      try {
        if (origin === undefined || span !== captured.span) {
          origin = new SpanOrigin(captured.span);
          span = captured.span;
        }
        this.#hand(captured, origin);
      } catch (error) {
        this.#burst.add(`a captured audit event was lost: ${messageOf(error)}`);
      }
    }
    this.#queue = [];
    this.#next = 0;
  }

  #hand(captured: Captured, origin: SpanOrigin): void {
    const { span, event, number, late, attributes, attributesText } = captured;
    let loss: AuditError | undefined;
    if (event !== undefined) {
      requireRecordable(event);
      loss = this.#target.event(event, late, origin.trace);
    } else {
      origin.number = number;
      origin.late = late;
      const decoded = decodeSpanEvent(attributes, origin);
      if (decoded.kind === 'event') loss = this.#target.event(decoded.event, late);
      else if (decoded.kind === 'malformed') {
        const toText = attributesText === undefined ? this.#toText : () => attributesText;
        const content = malformedContent(origin, decoded.reason, attributes, toText);
        loss = this.#target.malformed(content);
      }
    }
    if (loss !== undefined) this.#losses.set(span, loss);
  }

  /** What to put in the place of an `addEvent`; undefined where that is none, or watches for us already. */
  #watcherOf(original: AddEvent): AddEvent | undefined {
    if (typeof original !== 'function' || this.#watchesThrough(original)) return undefined;
    let watcher = this.#watchers.get(original);
    if (watcher === undefined) {
      watcher = this.#makeWatcher(original);
      this.#watchers.set(original, watcher);
    }
    this.#lastOriginal = original;
    this.#lastWatcher = watcher;
    return watcher;
  }

  #makeWatcher(original: AddEvent): AddEvent {
    const see = (span: LiveSpan, attributes: unknown) => this.#see(span, attributes, watcher);
    const isWatcher = watchingOf(original) !== undefined;
    // Captured first, for the original may throw; what it returns or throws is the application's.
    const watcher = function addEvent(this: LiveSpan, ...args: Parameters<AddEvent>) {
      const isTaken = see(this, args[1]);
      // The SDK refuses what comes after the end, and warns of it, though we have it.
      if (isTaken && !isWatcher && this.ended === true) return this;
      return original.apply(this, args);
    } as AddEvent;
    const watching: Watching = { capture: this, original };
    Object.defineProperty(watcher, WATCHING, { value: watching });
    return watcher;
  }

  /** Whether it was one of ours, and is taken. */
  #see(span: LiveSpan, attributes: unknown, watcher: AddEvent): boolean {
    try {
      if (attributes === undefined || attributes === null) return false;
      const event = takeHandedOver(attributes);
      const ours = event === undefined ? copyOurs(attributes) : NOTHING;
      if (ours === undefined) return false;
      const late = span.ended === true;
      const number = late ? this.#countLate(span) : event === undefined ? numberOf(span) : 0;
      this.#take(span, number, late, ours, event);
      // Somebody may have covered our `addEvent`; another capture of ours can be looked through.
      if (span.addEvent !== watcher && !this.hasSeen(span)) this.#taken.add(span);
      return true;
    } catch (error) {
      this.#burst.add(`an audit event was not captured: ${messageOf(error)}`);
      return false;
    }
  }

  #takeAll(span: ReadableSpan): void {
    let number = droppedEventsOf(span);
    for (const { attributes } of span.events) {
      const ours = copyOurs(attributes);
      if (ours !== undefined) this.#take(span, number, false, ours);
      number += 1;
    }
  }

  #take(
    span: ReadableSpan,
    number: number,
    late: boolean,
    attributes: Attributes,
    event?: AuditEvent,
  ): void {
    // A value that is no text may change before the turn ends, so it becomes one now.
    const attributesText = isAllText(attributes) ? undefined : this.#toText(attributes);
    this.#enqueue({ span, number, late, event, attributes, attributesText });
  }

  #enqueue(captured: Captured): void {
    this.#queue.push(captured);
    if (this.#queue.length === 1) this.#target.queued();
  }

  #countLate(span: object): number {
    const count = this.#lateCounts.get(span) ?? 0;
    this.#lateCounts.set(span, count + 1);
    return count;
  }
}

const NOTHING: Attributes = Object.freeze({});

/** A span event that waits to be decoded. */
interface Captured {
  readonly span: Pick<ReadableSpan, 'spanContext'>;
  readonly number: number;
  readonly late: boolean;
  /** Where the event itself came along: then nothing has to be decoded, and it has an id. */
  readonly event: AuditEvent | undefined;
  readonly attributes: Attributes;
  readonly attributesText: string | undefined;
}

/** The number of the event that is about to be added, as an export of the span would count it. */
function numberOf(span: ReadableSpan): number {
  return span.events.length + droppedEventsOf(span);
}

/** A copy of those attributes that are ours, for the caller may change its own; undefined: none is. */
function copyOurs(attributes: unknown): Attributes | undefined {
  if (typeof attributes !== 'object' || attributes === null) return undefined;
  try {
    return copy(attributes as Attributes);
  } catch {
    // A getter or a proxy that throws: the decoder will say so.
    return AUDIT_KEYS.some((key) => isIn(attributes, key)) ? (attributes as Attributes) : undefined;
  }
}

// Key by key: a loop over the keys takes several times as long.
function copy(attributes: Attributes): Attributes | undefined {
  const version = attributes['flipt.event.version'];
  const action = attributes['flipt.event.action'];
  const type = attributes['flipt.event.type'];
  const timestamp = attributes['flipt.event.timestamp'];
  const status = attributes['flipt.event.status'];
  const actor = attributes['flipt.event.metadata.actor'];
  const payload = attributes['flipt.event.payload'];
  const id = attributes['flipt.event.id'];
  if (
    version === undefined &&
    action === undefined &&
    type === undefined &&
    timestamp === undefined &&
    status === undefined &&
    actor === undefined &&
    payload === undefined &&
    id === undefined
  ) {
    return undefined;
  }
  return {
    'flipt.event.version': version,
    'flipt.event.action': action,
    'flipt.event.type': type,
    'flipt.event.timestamp': timestamp,
    'flipt.event.status': status,
    'flipt.event.metadata.actor': actor,
    'flipt.event.payload': payload,
    'flipt.event.id': id,
  };
}

function isAllText(attributes: Attributes): boolean {
  try {
    return (
      isText(attributes['flipt.event.version']) &&
      isText(attributes['flipt.event.action']) &&
      isText(attributes['flipt.event.type']) &&
      isText(attributes['flipt.event.timestamp']) &&
      isText(attributes['flipt.event.status']) &&
      isText(attributes['flipt.event.metadata.actor']) &&
      isText(attributes['flipt.event.payload']) &&
      isText(attributes['flipt.event.id'])
    );
  } catch {
    return false;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value === undefined;
}

function isIn(attributes: object, key: string): boolean {
  try {
    return key in attributes;
  } catch {
    return false;
  }
}
