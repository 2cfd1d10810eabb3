import { type Attributes, trace } from '@opentelemetry/api';
import { complain } from '../diagnostics.js';
import { messageOf } from '../errors.js';
import { encodeEvent, SPAN_EVENT_NAME } from './attributes.js';
import type { AuditEvent } from './event.js';
import { jsonFault } from './texts.js';

/**
 * Adds the event to a span, by default the active one. Never throws.
 *
 * @returns false when nobody records it (no span, or one that is not recording): hand the event to
 * `exporter.sendAudits` instead.
 */
export function addEventToSpan(event: AuditEvent, span = trace.getActiveSpan()): boolean {
  try {
    if (span === undefined || !span.isRecording()) return false;
    const attributes = tryEncode(event);
    if (attributes === undefined) return false;
    span.addEvent(SPAN_EVENT_NAME, attributes);
    return true;
  } catch (error) {
    complain(`an audit event was not recorded: ${messageOf(error)}`);
    return false;
  }
}

/** Undefined for a hand-made event that JSON cannot carry. */
function tryEncode(event: AuditEvent): Attributes | undefined {
  try {
    return encodeEvent(event);
  } catch (error) {
    complain(`an audit event cannot be written as JSON: ${jsonFault(error)}`);
    return undefined;
  }
}
