import type { Span } from '@opentelemetry/api';
import type { AuditEvent } from '../../event/event.js';
import { whenProcessExits } from '../../process-exit.js';
import { handAudits, type RecordOptions } from '../record.js';

/** No closure: V8 keeps what those hold alive for longer than it has to. */
interface Recording {
  readonly events: readonly AuditEvent[];
  readonly options: RecordOptions;
  readonly span: Span | undefined;
  readonly isOwn: boolean;
}

let waiting: Recording[] = [];
let stopListening = (): void => {};

/**
 * Records events once the answers of this turn of the event loop have left, all of them in one go: Node hands
 * answers to the socket at the end of the turn, and an exporter writes at once what it got in one go. Also
 * done when the process exits before.
 *
 * @param isOwn whether the span is there for the events alone, and ends with them
 */
export function afterAnswers(
  events: readonly AuditEvent[],
  options: RecordOptions,
  span: Span | undefined,
  isOwn = false,
): void {
  if (waiting.push({ events, options, span, isOwn }) > 1) return;
  setImmediate(recordWaiting);
  stopListening = whenProcessExits(recordWaiting);
}

/** Records at once what waits for that. */
export function recordWaiting(): void {
  const recordings = waiting;
  waiting = [];
  stopListening();
  for (const { events, options, span, isOwn } of recordings) {
    handAudits(events, options, span);
    if (isOwn) span?.end();
  }
}
