import { createHash } from 'node:crypto';
import type { AuditEvent } from '../../event/event.js';
import { type EventFields, eventToJson, eventToJsonWithId } from '../../event/json.js';
import { SinkError } from '../../sink.js';

/** What one request carries. */
export interface Message {
  /** The value of `webhook-id`: the same whenever the same events are sent. */
  readonly id: string;
  readonly body: Buffer;
}

/** A request for one event, its body the event JSON. */
export function eventMessage(event: AuditEvent, fields: EventFields): Message {
  requireId(event);
  const json = print(event, fields === 'full' ? fullJson : eventToJson);
  return { id: idHeader(event.id), body: Buffer.from(json) };
}

/** A member of a batch: the event JSON with the event's id in it, whatever the fields. */
export function printMember(event: AuditEvent, fields: EventFields): string {
  requireId(event);
  // In Flipt's fields there is no id, and without one the receiver cannot tell what came twice.
  return print(event, fields === 'full' ? fullJson : eventToJsonWithId);
}

/** A request for several events, its body an array of their JSON. */
export function batchMessage(ids: readonly string[], body: Buffer): Message {
  // No id holds a line feed, so that two lists never become one.
  const hash = createHash('sha256').update(ids.join('\n')).digest('hex');
  return { id: `batch-${hash.slice(0, 32)}`, body };
}

const fullJson = (event: AuditEvent): string => eventToJson(event, { fields: 'full' });

/** @throws {SinkError} `event`: only a hand-made one lacks it. */
function requireId({ id }: AuditEvent): void {
  if (typeof id !== 'string' || id === '') throw new SinkError('event', 'the event has no id');
}

function print(event: AuditEvent, toJson: (event: AuditEvent) => string): string {
  try {
    return toJson(event);
  } catch (error) {
    throw new SinkError('event', 'the event cannot be written as JSON', { cause: error });
  }
}

/** An id as a header carries it: percent-encoded where it holds more than visible ASCII. */
function idHeader(id: string): string {
  // A percent sign counts as more, so that two ids never become one.
  return /^[\x21-\x24\x26-\x7e]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed());
}
