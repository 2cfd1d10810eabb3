import type { Attributes } from '@opentelemetry/api';
import { isScalar, requireText } from './conditions.js';
import { type AttributeValue, readerOf } from './readers.js';

/** The value of an attribute: of the first of these that the span has. */
export interface SpanValue {
  readonly attribute: string | readonly string[];
  /**
   * Only what follows this beginning of the text, in upper or lower case; a text that begins otherwise is
   * no value.
   */
  readonly after?: string | undefined;
}

/** Makes a value of a span's attributes; undefined: there is none. */
export type ValueMaker = (attributes: Attributes) => unknown;

/** Makes a text of a span's attributes; undefined: there is none. */
export type TextMaker = (attributes: Attributes) => string | undefined;

/** A value from an attribute, or of no attribute: then undefined. @param refuse as in conditions */
export function referenceOf(
  given: unknown,
  refuse: (fault: string) => never,
): ((attributes: Attributes) => AttributeValue | undefined) | undefined {
  if (typeof given !== 'object' || given === null || !Object.hasOwn(given, 'attribute')) {
    return undefined;
  }
  const { attribute, after, ...more } = given as SpanValue;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) refuse(`.${unknown} is no field; there are attribute, after`);
  const names: unknown = Array.isArray(attribute) ? attribute : [attribute];
  if ((names as unknown[]).length === 0) refuse('.attribute must name an attribute');
  const readers = (names as unknown[]).map((name) =>
    readerOf(requireText(name, '.attribute', refuse)),
  );
  if (after !== undefined) requireText(after, '.after', refuse);
  return (attributes) => {
    for (const read of readers) {
      const value = read(attributes);
      if (value === undefined) continue;
      if (after === undefined) return value;
      const text = textOf(value);
      if (text.slice(0, after.length).toLowerCase() === after.toLowerCase()) {
        return text.slice(after.length);
      }
    }
    return undefined;
  };
}

/** A text from an attribute, or this very one. */
export function textMaker(given: unknown, refuse: (fault: string) => never): TextMaker {
  const read = referenceOf(given, refuse);
  if (read === undefined) {
    const text = requireText(given, '', refuse);
    return () => text;
  }
  return (attributes) => {
    const value = read(attributes);
    return value === undefined ? undefined : textOf(value);
  };
}

const MAX_DEPTH = 8;

/** Plain data in which an object with `attribute` stands for that attribute's value. */
export function dataMaker(given: unknown, refuse: (fault: string) => never, depth = 0): ValueMaker {
  const read = referenceOf(given, refuse);
  if (read !== undefined) return read;
  if (given === null || isScalar(given)) return () => given;
  if (typeof given !== 'object') return refuse(' must be plain data');
  if (depth === MAX_DEPTH) return refuse(` must be at most ${MAX_DEPTH} levels deep`);
  const makers = Object.entries(given).map(([key, value]): [string, ValueMaker] => [
    key,
    dataMaker(value, (fault) => refuse(`.${key}${fault}`), depth + 1),
  ]);
  if (Array.isArray(given)) {
    return (attributes) => makers.map(([, make]) => make(attributes) ?? null);
  }
  // An object from entries, for `__proto__` is but a name.
  return (attributes) => Object.fromEntries(makers.map(([key, make]) => [key, make(attributes)]));
}

function textOf(value: AttributeValue): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}
