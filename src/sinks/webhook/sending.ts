import type { AuditEvent } from '../../event/event.js';
import type { EventFields } from '../../event/json.js';
import { SinkError, type SinkFault } from '../../sink.js';
import { BodyWriter } from './body-writer.js';
import { batchMessage, eventMessage, type Message, printMember } from './message.js';

/** Posts one message, once; rejects unless it is stored. */
export type Post = (message: Message) => Promise<unknown>;

export interface SendingOptions {
  readonly fields: EventFields;
  readonly concurrency: number;
}

/**
 * A request an event, so many side by side. A refused event keeps no other from being sent, nor does a
 * request that failed by chance; but where the sink itself is at fault, where the far side asks for time,
 * or where as many in a row fail as run side by side, no further one is begun. One at a time, the first
 * failure is thus the last, and the order is kept.
 *
 * @throws {SinkError} of the gravest fault, `failed` naming what was not stored.
 */
export async function sendEach(
  events: readonly AuditEvent[],
  { fields, concurrency }: SendingOptions,
  post: Post,
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
        await post(eventMessage(events[index]!, fields));
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
  if (errors.length > 0) throw combine(errors, [...left]);
}

const writer = new BodyWriter(); // nothing is awaited between its first use for a body and its last

/**
 * One request for all of them. What cannot be printed is left out, and named.
 *
 * @throws {SinkError}
 */
export async function sendBatch(
  events: readonly AuditEvent[],
  { fields }: SendingOptions,
  post: Post,
): Promise<void> {
  const ids: string[] = [];
  const unprinted: number[] = [];
  const errors: SinkError[] = [];
  for (const [index, event] of events.entries()) {
    try {
      const member = printMember(event, fields);
      writer.add(ids.length === 0 ? '[' : ',');
      writer.add(member);
      ids.push(event.id);
    } catch (thrown) {
      unprinted.push(index);
      errors.push(toSinkError(thrown));
    }
  }
  writer.add(']');
  const body = writer.take();
  if (ids.length > 0) await post(batchMessage(ids, body));
  if (errors.length > 0) throw combine(errors, unprinted);
}

function toSinkError(thrown: unknown): SinkError {
  return thrown instanceof SinkError
    ? thrown
    : new SinkError('transient', 'the request failed', { cause: thrown });
}

/** One error for several: the gravest fault, so that the lane waits where any of them asks it to. */
function combine(errors: readonly SinkError[], failed: readonly number[]): SinkError {
  const { fault, message, cause } = errors.reduce((a, b) =>
    GRAVITY[b.fault] > GRAVITY[a.fault] ? b : a,
  );
  const askedMs = Math.max(...errors.map(({ retryAfterMs = 0 }) => retryAfterMs));
  const retryAfterMs = askedMs > 0 ? askedMs : undefined;
  return new SinkError(fault, message, { cause, failed, retryAfterMs });
}

const GRAVITY: Readonly<Record<SinkFault, number>> = { event: 0, transient: 1, sink: 2 };
