import { messageOf } from '../errors.js';

// Private to event/: the JSON texts that ride along with an event.

/**
 * Registered, so that the ESM and the CommonJS copy of the package understand each other. Enumerable
 * on purpose: a spread copy takes it along, and the functions below see which parts still fit.
 */
export const TEXTS = Symbol.for('otel-audit.texts');

/** Stands for a payload that nobody has looked at yet. */
export const UNPARSED = Symbol.for('otel-audit.unparsed');

/** The texts of actor and payload, with the very values that they are the texts of. */
export interface Texts {
  readonly actor: unknown;
  readonly actorText: string;
  /** {@link UNPARSED} until the payload of a lazily parsed event is read. */
  payload: unknown;
  readonly payloadText: string | undefined;
  /** The frozen event that was made together with these texts: it can mean nothing else. */
  owner: object | undefined;
  /** The event holds nothing but what its texts say: no object that the application may still change. */
  readonly isRecorded: boolean;
}

/**
 * The property of a payload that is parsed when somebody looks at it. One shared getter keeps the
 * events of one shape; it is an own property, so that spreading and comparing see it.
 */
export const LAZY_PAYLOAD: PropertyDescriptor = {
  enumerable: true,
  get(this: TextedEvent): unknown {
    const texts = this[TEXTS]!;
    if (texts.payload === UNPARSED) texts.payload = JSON.parse(texts.payloadText!);
    return texts.payload;
  },
};

/** An event as the texts see it. */
export interface TextedEvent {
  readonly metadata: { readonly actor?: unknown };
  readonly payload?: unknown;
  readonly [TEXTS]?: Texts;
}

/** Whether the event is whole and unchanged since this package made or decoded it. */
export function isAsMade(event: TextedEvent): boolean {
  return event[TEXTS]?.owner === event && Object.isFrozen(event);
}

/** The actor's JSON text, or `null`. Throws what `JSON.stringify` throws. */
export function actorTextOf(event: TextedEvent): string {
  const texts = event[TEXTS];
  const { actor } = event.metadata;
  if (texts !== undefined && texts.actor === actor) return texts.actorText;
  return actor === undefined ? 'null' : (stringify(actor) ?? 'null');
}

/** The payload's JSON text, or undefined where there is none. Throws what `JSON.stringify` throws. */
export function payloadTextOf(event: TextedEvent): string | undefined {
  const texts = event[TEXTS];
  if (texts !== undefined) {
    // Asking a lazy event for its payload would parse it.
    if (texts.owner === event || Object.is(texts.payload, event.payload)) {
      return texts.payloadText;
    }
  }
  return event.payload === undefined ? undefined : stringify(event.payload);
}

// The type of JSON.stringify hides that it returns undefined for a function or a symbol.
export function stringify(value: unknown): string | undefined {
  return JSON.stringify(value) as string | undefined;
}

/** The reason in our words: a message from a `toJSON` of the user's may hold a secret. */
export function jsonFault(thrown: unknown): string {
  const message = messageOf(thrown);
  if (message.startsWith('Converting circular structure')) return 'it contains a cycle';
  if (message.includes('serialize a BigInt')) return 'it contains a BigInt';
  if (thrown instanceof RangeError) return 'it is nested too deeply or too large';
  return 'reading it failed';
}
