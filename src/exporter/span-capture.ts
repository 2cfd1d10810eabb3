import type { Span } from '@opentelemetry/api';
import type { SpanRules } from './rules.js';
import type { ReadableSpan } from './span.js';

/**
 * Under which an exporter carries its capture. Registered, for the exporter may come from the other
 * copy of the package.
 */
export const CAPTURE: unique symbol = Symbol.for('otel-audit.capture');

/** What a span processor asks of an exporter's capture, whichever copy it comes from. */
export interface SpanCapture {
  watch(span: LiveSpan): void;
  takeEnded(span: ReadableSpan, rules?: SpanRules): void;
}

/** A span as it starts: what may be called on it, and what may be read. */
export type LiveSpan = Span & ReadableSpan & { readonly ended?: boolean };
