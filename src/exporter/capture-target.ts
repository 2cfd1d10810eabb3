import type { AuditEvent } from '../event/event.js';
import type { MalformedContent } from '../ledger/record.js';

/** Where captured span events go, decoded. None of these may throw. */
export interface CaptureTarget {
  /** Something waits in the capture's queue: have `drain()` called at the end of this turn. */
  queued(): void;
  event(event: AuditEvent, late: boolean): void;
  malformed(content: MalformedContent): void;
}
