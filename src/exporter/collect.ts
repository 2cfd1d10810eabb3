import type { Attributes } from '@opentelemetry/api';
import { decodeSpanEvent, type EventOrigin } from '../event/attributes.js';
import { type AuditEvent, type EventTrace, isEventId } from '../event/event.js';
import { noteResource } from '../event/span-resource.js';
import type { MalformedContent } from '../ledger/record.js';
import { attributesToText } from './attributes-text.js';
import type { ReadableSpan } from './span.js';

/** What the decoder found on the events of some spans. */
export interface CollectVisitor {
  event(event: AuditEvent): void;
  malformed(reason: string, content: MalformedContent): void;
  /** A span that could not be read to its end. */
  broken(error: unknown): void;
}

/**
 * Decodes every event of every span, in order, and hands what is ours to the visitor.
 *
 * @param toText makes JSON of attributes that make no event
 */
export function collectEvents(
  spans: readonly ReadableSpan[],
  visitor: CollectVisitor,
  toText = attributesToText,
): void {
  for (const span of spans) {
    try {
      noteResource(span);
      if (span.events.length > 0) collectSpan(span, visitor, toText);
    } catch (error) {
      visitor.broken(error); // one span that is none must not take the others with it
    }
  }
}

function collectSpan(
  span: ReadableSpan,
  visitor: CollectVisitor,
  toText: typeof attributesToText,
): void {
  const origin = new SpanOrigin(span);
  origin.number = droppedEventsOf(span);
  for (const { attributes } of span.events) {
    const decoded = decodeSpanEvent(attributes, origin);
    if (decoded.kind === 'event') visitor.event(decoded.event);
    else if (decoded.kind === 'malformed') {
      const content = malformedContent(origin, decoded.reason, attributes ?? {}, toText);
      visitor.malformed(decoded.reason, content);
    }
    origin.number += 1;
  }
}

/** How many events of the span its SDK's limits have shifted out; they count in numbering the rest. */
export function droppedEventsOf(span: { readonly droppedEventsCount?: number }): number {
  return span.droppedEventsCount ?? 0;
}

/** Numbers a span's events from 0 in the order in which they were added. */
export class SpanOrigin implements EventOrigin {
  readonly trace: EventTrace;
  number = 0;
  /** Of events added after the span's end, which are numbered by themselves. */
  late = false;

  constructor(span: Pick<ReadableSpan, 'spanContext'>) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.trace = Object.freeze({ traceId, spanId, traceFlags });
  }

  id(): string {
    const { traceId, spanId } = this.trace;
    return `${traceId}-${spanId}-${this.late ? 'late-' : ''}${this.number}`;
  }
}

/** What is kept of an event that cannot be decoded. */
export function malformedContent(
  origin: SpanOrigin,
  reason: string,
  attributes: Attributes,
  toText: (attributes: Attributes) => string,
): MalformedContent {
  const { trace, late } = origin;
  const attributesText = toText(attributes);
  return { id: givenId(attributes) ?? origin.id(), late, trace, reason, attributesText };
}

function givenId(attributes: Attributes): string | undefined {
  try {
    const id: unknown = attributes['flipt.event.id'];
    return typeof id === 'string' && isEventId(id) ? id : undefined;
  } catch {
    return undefined; // a getter of the application's
  }
}
