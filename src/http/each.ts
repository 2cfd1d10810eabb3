import type { AuditEvent } from '../event/event.js';
import { SinkError, type SinkFault } from '../sink.js';

/**
 * Sends events one by one, so many side by side. A refused event keeps no other from being sent, nor does
 * a request that failed by chance; but where the sink itself is at fault, where the far side asks for
 * time, or where as many in a row fail as run side by side, no further one is begun. One at a time, the
 * first failure but a refusal is thus the last, and the order is kept.
 *
 * @param send rejects unless the event is stored
 * @throws {SinkError} of the gravest fault, `failed` naming what was not stored.
 */
export async function sendEach(
  events: readonly AuditEvent[],
  concurrency: number,
  send: (event: AuditEvent) => Promise<unknown>,
): Promise<void> {
  const left = new Set(events.keys());
  const errors: SinkError[] = [];
  let next = 0;
  let inARow = 0;
  let halted = false;
  const work = async () => {
    while (!halted && next < events.length) {
      const index = next;
      next += 1;
      try {
        await send(events[index]!);
        left.delete(index);
        inARow = 0;
      } catch (thrown) {
        const error = toSinkError(thrown);
        errors.push(error);
        if (error.fault === 'event') continue;
        inARow += 1;
        halted ||=
          error.fault === 'sink' || error.retryAfterMs !== undefined || inARow >= concurrency;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, events.length) }, work));
  if (errors.length > 0) throw combineErrors(errors, [...left], events.length);
}

/** What a sink threw, `transient` unless it says otherwise. */
export function toSinkError(thrown: unknown): SinkError {
  return thrown instanceof SinkError
    ? thrown
    : new SinkError('transient', 'the request failed', { cause: thrown });
}

/** One error for several: the gravest fault, so that the lane waits where any of them asks it to. */
export function combineErrors(
  errors: readonly SinkError[],
  failed: readonly number[],
  count: number,
): SinkError {
  const gravest = errors.reduce((a, b) => (GRAVITY[b.fault] > GRAVITY[a.fault] ? b : a));
  const retryAfterMs = Math.max(...errors.map((error) => error.retryAfterMs ?? 0));
  const share = count === 1 ? '' : ` (${failed.length} of ${count} events not stored)`;
  return new SinkError(gravest.fault, `${gravest.message}${share}`, {
    cause: gravest,
    failed,
    retryAfterMs: retryAfterMs > 0 ? retryAfterMs : undefined,
  });
}

const GRAVITY: Readonly<Record<SinkFault, number>> = { event: 0, transient: 1, sink: 2 };
