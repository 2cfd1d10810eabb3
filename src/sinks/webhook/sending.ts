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
 * A request an event, so many side by side. An event that is refused for good keeps no other from being
 * sent; after any other fault no further request is begun, for it would fail likewise.
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
  let halted = false;
  const work = async () => {
    while (!halted && next < events.length) {
      const index = next;
      next += 1;
      try {
        await post(eventMessage(events[index]!, fields));
        left.delete(index);
      } catch (thrown) {
        const error = toSinkError(thrown);
        errors.push(error);
        if (error.fault !== 'event') halted = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, events.length) }, work));
  if (errors.length > 0) throw combine(errors, [...left], events.length);
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
  if (errors.length > 0) throw combine(errors, unprinted, events.length);
}

function toSinkError(thrown: unknown): SinkError {
  return thrown instanceof SinkError
    ? thrown
    : new SinkError('transient', 'the request failed', { cause: thrown });
}

/** One error for several: the gravest fault, so that the lane waits where any of them asks it to. */
function combine(
  errors: readonly SinkError[],
  failed: readonly number[],
  count: number,
): SinkError {
  const gravest = errors.reduce((a, b) => (GRAVITY[b.fault] > GRAVITY[a.fault] ? b : a));
  const asked = errors.map(({ retryAfterMs = 0 }) => retryAfterMs);
  const retryAfterMs = Math.max(...asked);
  const share = count === 1 ? '' : ` (${failed.length} of ${count} events not stored)`;
  return new SinkError(gravest.fault, `${gravest.message}${share}`, {
    cause: gravest,
    failed,
    retryAfterMs: retryAfterMs > 0 ? retryAfterMs : undefined,
  });
}

const GRAVITY: Readonly<Record<SinkFault, number>> = { event: 0, transient: 1, sink: 2 };
