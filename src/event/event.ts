import { Burst } from '../burst.js';
import { systemClock } from '../clock.js';
import { complain } from '../diagnostics.js';
import { AuditError, messageOf } from '../errors.js';
import { actorStorage } from './actor-storage.js';
import { createId } from './id.js';
import { jsonFault, stringify, TEXTS, type Texts } from './texts.js';
import { formatTimestamp, normalizeTimestamp } from './timestamp.js';

/** The version of the event's shape, Flipt's. */
export const EVENT_VERSION = '0.2';

/** Who did it. Further members are kept; the five named ones are texts, left out when empty. */
export interface Actor {
  /** How the actor proved who it is, in lower case: `token`, `oidc`, `jwt`, `github`, … or `none`. */
  readonly authentication?: string | undefined;
  /** The client's address. */
  readonly ip?: string | undefined;
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  /** URL of a picture. */
  readonly picture?: string | undefined;
}

/** The span in which an event was recorded; ids in lower-case hexadecimal (W3C Trace Context). */
export interface EventTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/**
 * Who did what to which thing, when, with what outcome. Plain, frozen data; what `payload` leads to is
 * not frozen, and not what is recorded either: its text is.
 */
export interface AuditEvent<Payload = unknown> {
  /** Made once and the same through every retry, replay and restart; a UUID from {@link createEvent}. */
  readonly id: string;
  readonly version: string;
  /** The noun: `flag`. */
  readonly type: string;
  /** The verb: `created`. */
  readonly action: string;
  /** `success`, `denied`, or a word of your own. */
  readonly status?: string;
  readonly metadata: { readonly actor?: Actor };
  readonly payload?: Payload;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly trace?: EventTrace;
  readonly [TEXTS]?: Texts;
}

/** What {@link createEvent} takes. */
export interface AuditEventInit<Payload = unknown> {
  /** The noun: `flag`. Not empty, without `:`, `*` and control characters. */
  readonly type: string;
  /** The verb: `created`. Not empty, without `:`, `*` and control characters. */
  readonly action: string;
  /** Default: `success`. */
  readonly status?: string | undefined;
  /** Default: the actor of the innermost `auditActor`. */
  readonly actor?: Actor | (Actor & { readonly [key: string]: unknown }) | undefined;
  /** Anything that JSON carries. What `JSON.stringify` leaves out or makes null is so recorded. */
  readonly payload?: Payload | undefined;
  /** Default: now. A text is RFC 3339; it is recorded in UTC with at least milliseconds. */
  readonly timestamp?: Date | string | undefined;
  /** Default: a new UUID. At most 256 characters, without control characters. */
  readonly id?: string | undefined;
}

/**
 * Makes an audit event. Actor and payload are serialised here and now: that text is what gets
 * recorded, whatever happens to the objects later.
 *
 * @throws {AuditError} `invalid-event`, naming the field, for what could not be decoded again.
 * @example
 * const event = createEvent({
 *   type: 'flag',
 *   action: 'created',
 *   actor: { authentication: 'token', ip: '127.0.0.1' },
 *   payload: { key: 'new-checkout', enabled: false },
 * });
 */
export function createEvent<Payload = unknown>(init: AuditEventInit<Payload>): AuditEvent<Payload> {
  if (typeof init !== 'object' || init === null) {
    throw new AuditError('invalid-event', 'createEvent takes an object with type and action');
  }
  const { type, action } = init;
  requireName('type', type);
  requireName('action', action);
  const { status = 'success', payload } = init;
  if (typeof status !== 'string') throw invalid('status', 'must be a string');
  const id = init.id === undefined ? createId() : requireId(init.id);
  const timestamp =
    init.timestamp === undefined ? formatTimestamp(Date.now()) : normalizeTimestamp(init.timestamp);
  const { actor, actorText } = init.actor === undefined ? readCurrent() : readGiven(init.actor);
  const metadata = Object.freeze(actor === undefined ? {} : { actor });
  const payloadText = payload === undefined ? undefined : serialize('payload', payload);
  const texts: Texts = {
    actor,
    actorText,
    payload,
    payloadText,
    owner: undefined,
    isRecorded: false,
  };
  // One literal a shape keeps events monomorphic; `delete` or conditional spreads are slower.
  const event: AuditEvent<Payload> =
    payload === undefined
      ? { id, version: EVENT_VERSION, type, action, status, metadata, timestamp, [TEXTS]: texts }
      : {
          id,
          version: EVENT_VERSION,
          type,
          action,
          status,
          metadata,
          payload,
          timestamp,
          [TEXTS]: texts,
        };
  texts.owner = event;
  return Object.freeze(event);
}

/** An actor and its JSON text. */
type ActorAndText = Pick<Texts, 'actorText'> & { readonly actor: Actor | undefined };

const NOBODY: ActorAndText = { actor: undefined, actorText: 'null' };

function readGiven(given: Actor): ActorAndText {
  const actor = readActor(given);
  return { actor, actorText: serialize('actor', actor) };
}

const burst = new Burst(systemClock, complain);

/** Who makes an event deep inside an `auditActor` must not suffer for its actor. */
function readCurrent(): ActorAndText {
  const current = actorStorage.getStore();
  if (current === undefined) return NOBODY;
  try {
    return readGiven(current as Actor);
  } catch (error) {
    burst.add(`the actor of an auditActor is left out: ${messageOf(error)}`);
    return NOBODY;
  }
}

// Types and actions come from a small vocabulary: what was checked once is remembered, within a bound.
const checkedNames = new Set<string>();
const MAX_CHECKED_NAMES = 1024;
const MAX_CHECKED_LENGTH = 128;

/** What is wrong with a type or an action, or undefined. */
export function nameFault(name: string): string | undefined {
  if (checkedNames.has(name)) return undefined;
  if (name === '') return 'must not be empty';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
  if (/[:*\u0000-\u001f\u007f-\u009f]/.test(name)) {
    return "must not contain ':', '*' or a control character";
  }
  if (name.length <= MAX_CHECKED_LENGTH) {
    if (checkedNames.size >= MAX_CHECKED_NAMES) checkedNames.clear();
    checkedNames.add(name);
  }
  return undefined;
}

/** Whether a text may be an event's id. */
export function isEventId(id: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
  return id !== '' && id.length <= 256 && !/[\u0000-\u001f\u007f-\u009f]/.test(id);
}

const ACTOR_TEXTS = ['authentication', 'ip', 'email', 'name', 'picture'];

/** The first of the actor's five named members that is neither a text nor absent, or undefined. */
export function actorFault(actor: Actor): string | undefined {
  // Member by member: a loop over the keys takes several times as long.
  if (!isTextOrAbsent(actor.authentication)) return 'authentication';
  if (!isTextOrAbsent(actor.ip)) return 'ip';
  if (!isTextOrAbsent(actor.email)) return 'email';
  if (!isTextOrAbsent(actor.name)) return 'name';
  if (!isTextOrAbsent(actor.picture)) return 'picture';
  return undefined;
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}

function hasEmptyText(actor: Actor): boolean {
  return (
    actor.authentication === '' ||
    actor.ip === '' ||
    actor.email === '' ||
    actor.name === '' ||
    actor.picture === ''
  );
}

function requireName(field: string, value: unknown): asserts value is string {
  const fault = typeof value === 'string' ? nameFault(value) : 'must be a string';
  if (fault !== undefined) throw invalid(field, fault);
}

function requireId(id: unknown): string {
  if (typeof id === 'string' && isEventId(id)) return id;
  throw invalid('id', 'must be a string of 1 to 256 characters without control characters');
}

function readActor(actor: Actor): Actor {
  try {
    return requireActor(actor);
  } catch (cause) {
    if (cause instanceof AuditError) throw cause;
    throw new AuditError('invalid-event', 'actor cannot be read (see the cause)', { cause });
  }
}

function requireActor(actor: Actor): Actor {
  if (typeof actor !== 'object' || actor === null || Array.isArray(actor)) {
    throw invalid('actor', 'must be an object');
  }
  if (typeof (actor as { toJSON?: unknown }).toJSON === 'function') {
    // What gets recorded is what it turns itself into, so that is what must be right.
    return requireActor(JSON.parse(serialize('actor', actor)) as Actor);
  }
  const fault = actorFault(actor);
  if (fault !== undefined) throw invalid(`actor.${fault}`, 'must be a string');
  if (!hasEmptyText(actor)) return actor;
  return Object.fromEntries(
    Object.entries(actor).filter(([key, value]) => value !== '' || !ACTOR_TEXTS.includes(key)),
  );
}

function serialize(field: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = stringify(value);
  } catch (cause) {
    throw new AuditError(
      'invalid-event',
      `${field} cannot be written as JSON: ${jsonFault(cause)}`,
      {
        cause,
      },
    );
  }
  if (text === undefined) {
    throw invalid(field, `cannot be written as JSON: it is a ${typeof value}`);
  }
  return text;
}

function invalid(field: string, fault: string): AuditError {
  return new AuditError('invalid-event', `${field} ${fault}`);
}
