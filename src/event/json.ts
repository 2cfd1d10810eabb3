import type { AuditEvent, EventTrace } from './event.js';
import { actorTextOf, payloadTextOf } from './texts.js';

/** Which members {@link eventToJson} prints. */
export type EventFields =
  /** Flipt's, in Flipt's order. */
  | 'flipt'
  /** Flipt's, then `id` and, where there is one, `trace`. */
  | 'full';

/**
 * The event as one line of JSON, its members in Flipt's order:
 * `{"version":…,"type":…,"action":…,"metadata":{…},"payload":…,"timestamp":…,"status":…}`. An absent
 * payload is `null`, an absent status `""`. The texts of actor and payload are kept as they were
 * recorded, so numbers beyond 2^53 stay exact.
 *
 * @throws {TypeError} for a hand-made event whose actor or payload JSON cannot carry.
 */
export function eventToJson(
  event: AuditEvent,
  options?: { readonly fields?: EventFields },
): string {
  return options?.fields === 'full' ? fullJson(event) : `${openJson(event)}}`;
}

/** Flipt's members, then `id` alone: what tells members of a batch apart. Throws as the above. */
export function eventToJsonWithId(event: AuditEvent): string {
  return `${openJson(event)},"id":${quote(event.id)}}`;
}

function fullJson(event: AuditEvent): string {
  const { trace } = event;
  const tail = trace === undefined ? '' : `,"trace":${traceToJson(trace)}`;
  return `${openJson(event)},"id":${quote(event.id)}${tail}}`;
}

/** The payload's JSON text as it was recorded; `null` where there is none. Throws as above. */
export function payloadToJson(event: AuditEvent): string {
  return payloadTextOf(event) ?? 'null';
}

let lastTrace: EventTrace | undefined;
let lastTraceJson = '';

/** The events of a span share one frozen trace, whose text is made once. */
export function traceToJson(trace: EventTrace): string {
  if (trace === lastTrace) return lastTraceJson;
  const json = `{"traceId":${quote(trace.traceId)},"spanId":${quote(trace.spanId)},"traceFlags":${Number.isInteger(trace.traceFlags) ? trace.traceFlags : 0}}`;
  if (Object.isFrozen(trace)) {
    lastTrace = trace;
    lastTraceJson = json;
  }
  return json;
}

/**
 * Bytes that the event's JSON does not exceed, reckoned from its parts without making a text.
 *
 * @throws {TypeError} as {@link eventToJson}
 */
export function boundOfJson(event: AuditEvent): number {
  const { version, type, action, timestamp, status = '' } = event;
  const words = version.length + type.length + action.length + timestamp.length + status.length;
  const texts = actorTextOf(event).length + (payloadTextOf(event) ?? '').length;
  // A UTF-16 unit takes three bytes at most, or six as an escape; keys and signs take about a hundred.
  return 128 + 6 * words + 3 * texts;
}

/** Flipt's members without the closing brace. */
function openJson(event: AuditEvent): string {
  const actor = actorTextOf(event);
  // Few pieces: what each of them costs, when the text is flattened, exceeds what it holds.
  return `${version(event.version)}${type(event.type)}${action(event.action)}${actor === 'null' ? ',"metadata":{},"payload":' : `,"metadata":{"actor":${actor}},"payload":`}${payloadToJson(event)}${timeMember(event.timestamp)}${status(event.status ?? '')}`;
}

function quote(text: string): string {
  // A hand-made event may lack what its type promises; a line that is no JSON would be worse.
  if (typeof text !== 'string') throw new TypeError('a member of the audit event is not a string');
  return JSON.stringify(text);
}

const MAX_WORDS = 1024;
const MAX_WORD_LENGTH = 64;

/**
 * Prints a member whose value is a word. The words of events repeat without end: what they make is
 * remembered, within a bound.
 */
function wordMember(key: string): (word: string) => string {
  const known = new Map<string, string>();
  return (word) => {
    let member = known.get(word);
    if (member === undefined) {
      member = [key, quote(word)].join(''); // unlike `+`, flat for good
      if (word.length <= MAX_WORD_LENGTH) {
        if (known.size >= MAX_WORDS) known.clear();
        known.set(word, member);
      }
    }
    return member;
  };
}

const version = wordMember('{"version":');
const type = wordMember(',"type":');
const action = wordMember(',"action":');
const status = wordMember(',"status":');

let lastTime = '';
let lastTimeMember = ',"timestamp":""';

/** Events come in bursts, and those of a millisecond have the same time. */
function timeMember(time: string): string {
  if (time !== lastTime) {
    lastTimeMember = [',"timestamp":', quote(time)].join('');
    lastTime = time;
  }
  return lastTimeMember;
}
