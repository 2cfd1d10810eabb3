import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import { AuditError } from '../errors.js';
import {
  asRecorded,
  decodeSpanEvent,
  encodeEvent,
  requireRecordable,
} from '../event/attributes.js';
import { type AuditEvent, type EventTrace, isEventId } from '../event/event.js';
import { isAsMade, jsonFault } from '../event/texts.js';

/**
 * The event as its recorded texts say it, so that what the application changes later reaches no sink,
 * in the active span's trace where it has none. The event may be hand-made: everything is checked.
 *
 * @param mayBeAsMade where a caller who keeps the event turns it into the recorded one later, if ever:
 *   then one that is as `createEvent` made it, in no trace, is returned itself
 * @throws {AuditError} `invalid-event`, naming the index.
 */
export function toRecorded(event: AuditEvent, index: number, mayBeAsMade: boolean): AuditEvent {
  let fault: string;
  try {
    if (isAsMade(event) && event.trace === undefined && event.id !== '') {
      const trace = activeTrace();
      if (!mayBeAsMade || trace !== undefined) return asRecorded(event, trace);
      requireRecordable(event);
      return event;
    }
    const trace = event.trace === undefined ? activeTrace() : copyTrace(event.trace);
    fault = idFault(event.id) ?? traceFault(trace) ?? '';
    if (fault === '') {
      const origin = { id: () => event.id, trace };
      const decoded = decodeSpanEvent(encodeEvent(event), origin);
      if (decoded.kind === 'event') return decoded.event;
      fault = decoded.kind === 'malformed' ? decoded.reason : 'it is empty';
    }
  } catch (error) {
    fault = jsonFault(error);
  }
  throw new AuditError('invalid-event', `events[${index}] cannot be recorded: ${fault}`);
}

function idFault(id: unknown): string | undefined {
  if (typeof id === 'string' && isEventId(id)) return undefined;
  return 'id must be a string of 1 to 256 characters without control characters';
}

function traceFault(given: EventTrace | undefined): string | undefined {
  if (given === undefined) return undefined;
  const flags = given.traceFlags;
  if (isSpanContextValid(given) && Number.isInteger(flags) && flags >= 0 && flags <= 255) {
    return undefined;
  }
  return 'trace must hold a valid traceId, spanId and traceFlags (0 to 255)';
}

/** Ours alone: the caller could change its own after it was checked. */
function copyTrace({ traceId, spanId, traceFlags }: EventTrace): EventTrace {
  return Object.freeze({ traceId, spanId, traceFlags });
}

function activeTrace(): EventTrace | undefined {
  const spanContext = trace.getSpanContext(context.active());
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined;
  return copyTrace(spanContext);
}
