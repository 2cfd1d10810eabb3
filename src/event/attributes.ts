import type { Attributes } from '@opentelemetry/api';
import {
  type Actor,
  type AuditEvent,
  actorFault,
  type EventTrace,
  isEventId,
  nameFault,
} from './event.js';
import { isKnownText, rememberText } from './known-texts.js';
import {
  actorTextOf,
  isAsMade,
  LAZY_PAYLOAD,
  payloadTextOf,
  TEXTS,
  type Texts,
  UNPARSED,
} from './texts.js';
import { isTimestamp } from './timestamp.js';

/** The name of a span event that carries an audit event; the decoder does not look at it. */
export const SPAN_EVENT_NAME = 'event';

/**
 * The event as attributes of a span event, each a string, under Flipt's keys and, beyond Flipt,
 * `flipt.event.id`. Without an actor its attribute is the text `null`; an absent payload or status
 * is left out.
 *
 * @throws {TypeError} for a hand-made event whose actor or payload JSON cannot carry.
 */
export function encodeEvent(event: AuditEvent): Attributes {
  const actor = actorTextOf(event);
  const payload = payloadTextOf(event);
  if (payload !== undefined) rememberText(event.id, payload);
  // One literal a shape: adding or deleting members later makes `addEvent` 1.2 times slower.
  if (payload === undefined) {
    return event.status
      ? {
          'flipt.event.version': event.version,
          'flipt.event.action': event.action,
          'flipt.event.type': event.type,
          'flipt.event.timestamp': event.timestamp,
          'flipt.event.status': event.status,
          'flipt.event.metadata.actor': actor,
          'flipt.event.id': event.id,
        }
      : {
          'flipt.event.version': event.version,
          'flipt.event.action': event.action,
          'flipt.event.type': event.type,
          'flipt.event.timestamp': event.timestamp,
          'flipt.event.metadata.actor': actor,
          'flipt.event.id': event.id,
        };
  }
  return event.status
    ? {
        'flipt.event.version': event.version,
        'flipt.event.action': event.action,
        'flipt.event.type': event.type,
        'flipt.event.timestamp': event.timestamp,
        'flipt.event.status': event.status,
        'flipt.event.metadata.actor': actor,
        'flipt.event.payload': payload,
        'flipt.event.id': event.id,
      }
    : {
        'flipt.event.version': event.version,
        'flipt.event.action': event.action,
        'flipt.event.type': event.type,
        'flipt.event.timestamp': event.timestamp,
        'flipt.event.metadata.actor': actor,
        'flipt.event.payload': payload,
        'flipt.event.id': event.id,
      };
}

let handedOver: Attributes | undefined;
let handedOverEvent: AuditEvent | undefined;

/** {@link encodeEvent} for a span that is watched: {@link takeHandedOver} knows the event again. */
export function encodeForWatcher(event: AuditEvent): Attributes {
  const attributes = encodeEvent(event);
  handedOver = attributes;
  handedOverEvent = event;
  return attributes;
}

/**
 * The very event that these attributes were just made of, so that they need not be decoded. Undefined
 * for any others, and for such as somebody has changed on the way.
 */
export function takeHandedOver(attributes: object): AuditEvent | undefined {
  if (attributes !== handedOver) return undefined;
  const event = handedOverEvent!;
  handedOver = undefined;
  handedOverEvent = undefined;
  return isAsMade(event) && event.id !== '' && saysTheSame(attributes as Attributes, event)
    ? event
    : undefined;
}

function saysTheSame(attributes: Attributes, event: AuditEvent): boolean {
  const { actorText, payloadText } = event[TEXTS]!;
  return (
    attributes['flipt.event.version'] === event.version &&
    attributes['flipt.event.action'] === event.action &&
    attributes['flipt.event.type'] === event.type &&
    attributes['flipt.event.timestamp'] === event.timestamp &&
    attributes['flipt.event.status'] === event.status &&
    attributes['flipt.event.metadata.actor'] === actorText &&
    attributes['flipt.event.payload'] === payloadText &&
    attributes['flipt.event.id'] === event.id
  );
}

/** What the attributes of a span event turned out to be. */
export type DecodedEvent =
  | { readonly kind: 'event'; readonly event: AuditEvent }
  /** No attribute of ours: some other span event. */
  | { readonly kind: 'none' }
  /** Attributes of ours that do not make an event; the reason never quotes a value. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** Where a span event came from; fills in what its attributes do not say. */
export interface EventOrigin {
  /** The id of an event without `flipt.event.id`. */
  readonly id: () => string;
  readonly trace: EventTrace | undefined;
}

const NONE: DecodedEvent = Object.freeze({ kind: 'none' });

/**
 * Reads an audit event from the attributes of a span event. Never throws, whatever the attributes.
 *
 * Version, action, type and timestamp (RFC 3339) must be there and not empty; actor and payload must
 * be JSON, and their texts are kept exactly. An event without `flipt.event.id` has the id `''` here;
 * the exporter gives it `<traceId>-<spanId>-<n>`.
 */
export function decodeEvent(attributes: Attributes): DecodedEvent {
  return decodeSpanEvent(attributes, undefined);
}

/** {@link decodeEvent} for a span event whose span is known. */
export function decodeSpanEvent(
  attributes: Attributes | undefined,
  origin: EventOrigin | undefined,
): DecodedEvent {
  if (attributes === undefined || attributes === null) return NONE;
  try {
    return decode(attributes, origin);
  } catch {
    // A getter or a proxy that throws: nothing of it can be trusted, not even its message.
    return malformed('an attribute could not be read');
  }
}

// The bytes of the attributes are anybody's: each is checked for its type, its form and its JSON.
function decode(attributes: Attributes, origin: EventOrigin | undefined): DecodedEvent {
  const version: unknown = attributes['flipt.event.version'];
  const action: unknown = attributes['flipt.event.action'];
  const type: unknown = attributes['flipt.event.type'];
  const timestamp: unknown = attributes['flipt.event.timestamp'];
  const status: unknown = attributes['flipt.event.status'];
  const actorText: unknown = attributes['flipt.event.metadata.actor'];
  const payloadText: unknown = attributes['flipt.event.payload'];
  const givenId: unknown = attributes['flipt.event.id'];
  if (
    version === undefined &&
    action === undefined &&
    type === undefined &&
    timestamp === undefined &&
    status === undefined &&
    actorText === undefined &&
    payloadText === undefined &&
    givenId === undefined
  ) {
    return NONE;
  }
  if (typeof version !== 'string' || version === '') return absent('version', version);
  if (typeof action !== 'string' || action === '') return absent('action', action);
  if (typeof type !== 'string' || type === '') return absent('type', type);
  if (typeof timestamp !== 'string' || timestamp === '') return absent('timestamp', timestamp);
  const actionFault = nameFault(action);
  if (actionFault !== undefined) return malformed(`flipt.event.action ${actionFault}`);
  const typeFault = nameFault(type);
  if (typeFault !== undefined) return malformed(`flipt.event.type ${typeFault}`);
  if (!isTimestamp(timestamp)) return malformed('flipt.event.timestamp is not an RFC 3339 time');
  if (status !== undefined && typeof status !== 'string') return absent('status', status);

  let actor = NO_ACTOR;
  if (actorText !== undefined && actorText !== 'null') {
    if (typeof actorText !== 'string') return absent('metadata.actor', actorText);
    const read = readActor(actorText);
    if (typeof read === 'string') return malformed(`flipt.event.metadata.actor ${read}`);
    actor = read;
  }

  // An id that cannot be one counts as absent, for the event itself is whole.
  const id = typeof givenId === 'string' && isEventId(givenId) ? givenId : (origin?.id() ?? '');

  let payload: unknown;
  let safePayloadText: string | undefined;
  if (payloadText !== undefined) {
    if (typeof payloadText !== 'string') return absent('payload', payloadText);
    if (isKnownText(id, payloadText)) {
      payload = UNPARSED;
      safePayloadText = payloadText;
    } else {
      payload = parseJson(payloadText);
      if (payload === INVALID) return malformed('flipt.event.payload is not valid JSON');
      safePayloadText = makeSafe(payloadText);
    }
  }

  const base = { id, version, type, action, status, timestamp, trace: origin?.trace };
  return { kind: 'event', event: assemble(base, actor, payload, safePayloadText) };
}

/**
 * An event that {@link isAsMade}, as its texts say it: what the application changes in the objects that
 * it was made from reaches nobody. The same as encoding and decoding it, without the second look.
 */
export function asRecorded(event: AuditEvent, trace: EventTrace | undefined): AuditEvent {
  const { actorText, payloadText } = event[TEXTS]!;
  const actor = recordedActor(actorText);
  const { id, version, type, action, status, timestamp } = event;
  const base = { id, version, type, action, status, timestamp, trace };
  return assemble(base, actor, UNPARSED, payloadText);
}

/** The event with other texts of actor and payload; both are JSON on one line. */
export function withTexts(
  event: AuditEvent,
  actorText: string,
  payloadText: string | undefined,
): AuditEvent {
  const { id, version, type, action, status, timestamp, trace } = event;
  const base = { id, version, type, action, status, timestamp, trace };
  return assemble(base, requireActor(parseActor(actorText)), UNPARSED, payloadText);
}

/** Lets go of an actor that was read from this text, unless it is the last one. */
export function forgetActor(text: string): void {
  readActors.delete(text);
}

/** Whether {@link asRecorded} has made it, or decoding. */
export function isRecorded(event: AuditEvent): boolean {
  return event[TEXTS]?.isRecorded === true;
}

/** Throws what {@link asRecorded} would throw. */
export function requireRecordable(event: AuditEvent): void {
  recordedActor(event[TEXTS]!.actorText);
}

function recordedActor(text: string): ReadActor {
  return requireActor(text === 'null' ? NO_ACTOR : readActor(text));
}

function requireActor(actor: ReadActor | string): ReadActor {
  if (typeof actor === 'string') throw new TypeError(`actor ${actor}`);
  return actor;
}

/** An event's members that are taken as they are. */
interface EventBase {
  readonly id: string;
  readonly version: string;
  readonly type: string;
  readonly action: string;
  readonly status: string | undefined;
  readonly timestamp: string;
  readonly trace: EventTrace | undefined;
}

function assemble(
  { id, version, type, action, status, timestamp, trace }: EventBase,
  actor: ReadActor,
  payload: unknown,
  payloadText: string | undefined,
): AuditEvent {
  const texts: Texts = {
    actor: actor.value,
    actorText: actor.text,
    payload: payloadText === undefined ? undefined : payload,
    payloadText,
    owner: undefined,
    isRecorded: true,
  };
  const event: { -readonly [Key in keyof AuditEvent]: AuditEvent[Key] } = {
    id,
    version,
    type,
    action,
    metadata: actor.metadata,
    timestamp,
    [TEXTS]: texts,
  };
  if (status !== undefined) event.status = status;
  if (payloadText !== undefined) {
    if (payload === UNPARSED) Object.defineProperty(event, 'payload', LAZY_PAYLOAD);
    else event.payload = payload;
  }
  if (trace !== undefined) event.trace = trace;
  texts.owner = event;
  return Object.freeze(event);
}

/** An actor as it was read from an attribute. */
interface ReadActor {
  readonly value: Actor | undefined;
  readonly text: string;
  readonly metadata: AuditEvent['metadata'];
}

const NO_ACTOR: ReadActor = { value: undefined, text: 'null', metadata: Object.freeze({}) };

// The same few actors do most of what happens: the last ones are remembered, within a bound. They are
// frozen, since events share them.
const readActors = new Map<string, ReadActor>();
const MAX_READ_ACTORS = 512;
const MAX_ACTOR_LENGTH = 1024;
// What one request does, one actor does: comparing with the last text is cheaper than hashing it.
let lastActor = NO_ACTOR;

/** The actor, or what is wrong with it. */
function readActor(text: string): ReadActor | string {
  if (text === lastActor.text) return lastActor;
  const actor = parseActor(text);
  if (typeof actor !== 'string' && readActors.get(text) === actor) lastActor = actor; // it may be shared
  return actor;
}

function parseActor(text: string): ReadActor | string {
  const known = readActors.get(text);
  if (known !== undefined) return known;
  const value = parseJson(text);
  if (value === INVALID) return 'is not valid JSON';
  if (value === null) return NO_ACTOR;
  if (typeof value !== 'object' || Array.isArray(value)) return 'is not a JSON object';
  const fault = actorFault(value as Actor);
  if (fault !== undefined) return `has a member ${fault} that is not a string`;
  const actor = value as Actor;
  const read = { value: actor, text: makeSafe(text), metadata: Object.freeze({ actor }) };
  // Deep members could be changed by one reader under another's eyes: only flat actors are shared.
  if (text.length <= MAX_ACTOR_LENGTH && !Object.values(actor).some(isObject)) {
    Object.freeze(actor);
    if (readActors.size >= MAX_READ_ACTORS) readActors.clear();
    readActors.set(text, read);
  }
  return read;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const INVALID = Symbol('invalid JSON');

/** Parses to know that it is JSON; `__proto__` becomes an own member, nothing more. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return INVALID; // the parser's message quotes the text, which may hold a secret
  }
}

/**
 * The same JSON, safe to splice into a line of UTF-8. In valid JSON a raw line break stands only
 * between tokens and a lone surrogate only inside a string, so both can be replaced by what means the
 * same.
 */
function makeSafe(text: string): string {
  // Two searches for one character are ten times faster than one for either.
  const broken = text.includes('\n') || text.includes('\r');
  const oneLine = broken ? text.replace(/[\n\r]/g, ' ') : text;
  if (oneLine.isWellFormed()) return oneLine;
  return oneLine.replace(/\p{Surrogate}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

function absent(field: string, value: unknown): DecodedEvent {
  const fault =
    value === undefined
      ? 'is missing'
      : value === ''
        ? 'is empty'
        : `must be a string, not ${Array.isArray(value) ? 'an array' : `a ${typeof value}`}`;
  return malformed(`flipt.event.${field} ${fault}`);
}

function malformed(reason: string): DecodedEvent {
  return { kind: 'malformed', reason };
}
