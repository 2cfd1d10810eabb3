import { trace } from '@opentelemetry/api';
import { complain } from '../diagnostics.js';
import { messageOf } from '../errors.js';
import { encodeEvent, SPAN_EVENT_NAME } from './attributes.js';
import type { AuditEvent } from './event.js';

/**
 * Adds the event to a span, by default the active one. Never throws.
 *
 * @returns false when nobody records it (no span, or one that is not recording): hand the event to
 * `exporter.sendAudits` instead.
 */
export function addEventToSpan(event: AuditEvent, span = trace.getActiveSpan()): boolean {
  try {
    if (span === undefined || !span.isRecording()) return false;
    span.addEvent(SPAN_EVENT_NAME, encodeEvent(event));
    return true;
  } catch (error) {
    complain(`an audit event was not recorded: ${messageOf(error)}`);
    return false;
  }
}
