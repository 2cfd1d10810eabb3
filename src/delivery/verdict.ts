import { messageOf } from '../errors.js';
import { SinkError, type SinkFault } from '../sink.js';
import { askedMs } from './backoff.js';

/** What a failed attempt means. */
export interface Verdict {
  readonly fault: SinkFault;
  /** How long the far side asks us to wait at least, in milliseconds. */
  readonly askedMs: number;
  /** The indices of the events that were not stored; undefined: none was stored. */
  readonly failed: ReadonlySet<number> | undefined;
  readonly message: string;
}

/**
 * Reads what a sink threw, which may be anything, also the SinkError of another version. Unless it
 * says clearly otherwise nothing was stored and the fault is transient, for a doubt must not lose an event.
 */
export function judge(thrown: unknown, count: number): Verdict {
  try {
    if (thrown instanceof SinkError) {
      const { fault, retryAfterMs, failed, message } = thrown;
      return {
        fault: fault === 'event' || fault === 'sink' ? fault : 'transient',
        askedMs: askedMs(retryAfterMs),
        failed: indicesOf(failed, count),
        message: String(message),
      };
    }
  } catch {
    // A proxy, a getter: it can say nothing that counts.
  }
  return { fault: 'transient', askedMs: 0, failed: undefined, message: messageOf(thrown) };
}

/** A list with anything in it that is no index of this batch tells nothing about the batch. */
function indicesOf(failed: unknown, count: number): ReadonlySet<number> | undefined {
  if (!Array.isArray(failed)) return undefined;
  for (const index of failed as readonly unknown[]) {
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= count) {
      return undefined;
    }
  }
  return new Set(failed as readonly number[]);
}
