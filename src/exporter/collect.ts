import { decodeSpanEvent, type EventOrigin } from '../event/attributes.js';
import type { AuditEvent, EventTrace } from '../event/event.js';
import type { ReadableSpan } from './span.js';

/** What the decoder found on the events of some spans. */
export interface CollectVisitor {
  event(event: AuditEvent): void;
  malformed(reason: string): void;
  /** A span that could not be read to its end. */
  broken(error: unknown): void;
}

/** Decodes every event of every span, in order, and hands what is ours to the visitor. */
export function collectEvents(spans: readonly ReadableSpan[], visitor: CollectVisitor): void {
  for (const span of spans) {
    try {
      if (span.events.length > 0) collectSpan(span, visitor);
    } catch (error) {
      visitor.broken(error); // one span that is none must not take the others with it
    }
  }
}

function collectSpan(span: ReadableSpan, visitor: CollectVisitor): void {
  const origin = new SpanOrigin(span);
  for (const { attributes } of span.events) {
    const decoded = decodeSpanEvent(attributes, origin);
    if (decoded.kind === 'event') visitor.event(decoded.event);
    else if (decoded.kind === 'malformed') visitor.malformed(decoded.reason);
    origin.index += 1;
  }
}

/** Numbers a span's events from 0, those included that the SDK's limits shifted out before. */
class SpanOrigin implements EventOrigin {
  readonly trace: EventTrace;
  index: number;

  constructor(span: ReadableSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.trace = Object.freeze({ traceId, spanId, traceFlags });
    this.index = span.droppedEventsCount ?? 0;
  }

  id = (): string => `${this.trace.traceId}-${this.trace.spanId}-${this.index}`;
}
