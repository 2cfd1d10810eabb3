import type { AuditError } from '../errors.js';
import type { AuditEvent, EventTrace } from '../event/event.js';
import type { MalformedContent } from '../ledger/record.js';

/** Where captured span events go, decoded. None of these may throw. */
export interface CaptureTarget {
  /** Something waits in the capture's queue: have `drain()` called at the end of this turn. */
  queued(): void;
  /**
   * @param trace where it was recorded, if that is not what the event itself says
   * @returns why it is lost, if it is
   */
  event(event: AuditEvent, late: boolean, trace?: EventTrace): AuditError | undefined;
  /** @returns why it is lost, if it is */
  malformed(content: MalformedContent): AuditError | undefined;
}
