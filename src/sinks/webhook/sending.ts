import type { AuditEvent } from '../../event/event.js';
import type { EventFields } from '../../event/json.js';
import { combineErrors, sendEach, toSinkError } from '../../http/each.js';
import type { SinkError } from '../../sink.js';
import { BodyWriter } from './body-writer.js';
import { batchMessage, eventMessage, type Message, printMember } from './message.js';

/** Posts one message, once; rejects unless it is stored. */
export type Post = (message: Message) => Promise<unknown>;

export interface SendingOptions {
  readonly fields: EventFields;
  readonly concurrency: number;
}

/**
 * A request an event, as `http/each.ts` says.
 *
 * @throws {SinkError} of the gravest fault, `failed` naming what was not stored.
 */
export function sendSingly(
  events: readonly AuditEvent[],
  { fields, concurrency }: SendingOptions,
  post: Post,
): Promise<void> {
  return sendEach(events, concurrency, async (event) => post(eventMessage(event, fields)));
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
  if (errors.length > 0) throw combineErrors(errors, unprinted, events.length);
}
