import { createHash } from 'node:crypto';
import type { AuditEvent } from '../../event/event.js';
import { type EventFields, eventToJson } from '../../event/json.js';
import { SinkError } from '../../sink.js';

/** What one request carries. */
export interface Message {
  /** The value of `webhook-id`: the same whenever the same events are sent. */
  readonly id: string;
  readonly body: Buffer;
}

/** A member of a batch. */
export interface Member {
  readonly id: string;
  readonly json: string;
}

/** A request for one event, its body the event JSON. */
export function eventMessage(event: AuditEvent, fields: EventFields): Message {
  const id = requireId(event);
  return { id: idHeader(id), body: Buffer.from(print(event, fields)) };
}

/** The event JSON with the event's id in it, whatever the fields. */
export function printMember(event: AuditEvent, fields: EventFields): Member {
  const id = requireId(event);
  const json = print(event, fields);
  // In Flipt's fields there is no id, and without one the receiver cannot tell what came twice.
  return {
    id,
    json: fields === 'full' ? json : `${json.slice(0, -1)},"id":${JSON.stringify(id)}}`,
  };
}

/** A request for several events, its body an array. */
export function batchMessage(members: readonly Member[]): Message {
  const hash = createHash('sha256');
  let body = '';
  for (const { id, json } of members) {
    hash.update(`${id}\n`); // an id holds no line feed
    body += body === '' ? `[${json}` : `,${json}`;
  }
  return { id: `batch-${hash.digest('hex').slice(0, 32)}`, body: Buffer.from(`${body}]`) };
}

/** @throws {SinkError} `event`: only a hand-made one lacks it. */
function requireId(event: AuditEvent): string {
  const { id } = event;
  if (typeof id === 'string' && id !== '') return id;
  throw new SinkError('event', 'the event has no id');
}

function print(event: AuditEvent, fields: EventFields): string {
  try {
    return eventToJson(event, { fields });
  } catch (error) {
    throw new SinkError('event', 'the event cannot be written as JSON', { cause: error });
  }
}

/** An id as a header carries it: percent-encoded where it holds more than visible ASCII. */
function idHeader(id: string): string {
  // A percent sign counts as more, so that two ids never become one.
  return /^[\x21-\x24\x26-\x7e]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed());
}
