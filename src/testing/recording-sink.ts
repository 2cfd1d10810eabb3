import type { AuditEvent } from '../event/event.js';
import type { SendContext, Sink } from '../sink.js';

/** A sink that remembers. */
export interface RecordingSink extends Sink {
  /** Every event stored so far, in order. */
  readonly events: readonly AuditEvent[];
  /** The batches they came in. */
  readonly batches: readonly (readonly AuditEvent[])[];
  readonly closed: boolean;
  /** Forgets what was stored. */
  clear(): void;
  /** Makes each send fail with this error, until called without one. */
  failWith(error?: Error): void;
}

/** A sink for tests that keeps what it is sent in memory. */
export function recordingSink(): RecordingSink {
  let batches: (readonly AuditEvent[])[] = [];
  let failure: Error | undefined;
  let closed = false;
  return {
    get events() {
      return batches.flat();
    },
    get batches() {
      return batches;
    },
    get closed() {
      return closed;
    },
    clear() {
      batches = [];
    },
    failWith(error) {
      failure = error;
    },
    async sendAudits(events: readonly AuditEvent[], { signal }: SendContext) {
      if (closed) throw new Error('the recording sink is closed');
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      if (events.length > 0) batches = [...batches, [...events]];
    },
    async close() {
      closed = true;
    },
  };
}
