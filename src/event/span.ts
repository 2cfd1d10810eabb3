import { type Attributes, type Span, trace } from '@opentelemetry/api';
import { complain } from '../diagnostics.js';
import { messageOf } from '../errors.js';
import { encodeEvent, encodeForWatcher, SPAN_EVENT_NAME } from './attributes.js';
import type { AuditEvent } from './event.js';
import { jsonFault } from './texts.js';
import { countUnrecorded, warnUnrecorded } from './unrecorded.js';
import { isWatched } from './watching.js';

/**
 * Adds the event to a span, by default the active one. Never throws. A span that has ended still
 * takes it where an `AuditSpanProcessor` watched its start.
 *
 * @returns false when nobody records it (no span, or one that is not recording): hand the event to
 * `exporter.sendAudits` instead. `diag` is told once a burst, and `stats()` counts it.
 */
export function addEventToSpan(event: AuditEvent, span = trace.getActiveSpan()): boolean {
  try {
    if (span === undefined || span === null) return refuse('there is no active span');
    const watched = isWatched(span);
    if (!watched && !span.isRecording()) return refuse('its span is not recording');
    const attributes = tryEncode(event, watched);
    if (attributes !== undefined) {
      span.addEvent(SPAN_EVENT_NAME, attributes);
      return true;
    }
  } catch (error) {
    complain(`an audit event was not recorded: ${messageOf(error)}`);
  }
  countUnrecorded();
  return false;
}

/** Whether a span takes events, so that {@link addEventToSpan} would record one on it. */
export function isRecorded(span: Span | undefined): boolean {
  try {
    return span !== undefined && (isWatched(span) || span.isRecording());
  } catch {
    return false;
  }
}

function refuse(reason: string): false {
  countUnrecorded();
  warnUnrecorded(reason);
  return false;
}

/** Undefined for a hand-made event that JSON cannot carry. */
function tryEncode(event: AuditEvent, watched: boolean): Attributes | undefined {
  try {
    return watched ? encodeForWatcher(event) : encodeEvent(event);
  } catch (error) {
    complain(`an audit event cannot be written as JSON: ${jsonFault(error)}`);
    return undefined;
  }
}
