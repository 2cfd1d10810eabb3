import { globTest } from './glob.js';
import { comparablePath, mayBegin } from './paths.js';
import type { AttributeValue } from './readers.js';

type Scalar = string | number | boolean;

/**
 * What an attribute must be: this value, one of these, or what one of the words says. In `pattern` a `*`
 * stands for any run of characters but `/`, `**` for any run. Values compare as texts; of a list one
 * has to do.
 */
export type SpanCondition =
  | Scalar
  | readonly Scalar[]
  | { readonly equals: Scalar }
  | { readonly oneOf: readonly Scalar[] }
  | { readonly prefix: string }
  | { readonly pattern: string }
  | { readonly exists: boolean };

/** A condition, ready for use. */
export interface Condition {
  /** The texts of which the value must be one, where that is all there is to it. */
  readonly exact: readonly string[] | undefined;
  readonly test: (value: AttributeValue | undefined) => boolean;
}

const MAX_LENGTH = 1024;
const MAX_RUNS = 8;

/**
 * @param refuse throws, naming where the condition stands and what is wrong
 * @param isPath whether it is about a path, to be compared as {@link comparablePath}
 */
export function conditionOf(
  given: unknown,
  refuse: (fault: string) => never,
  isPath = false,
): Condition {
  const form = isPath ? comparablePath : String;
  const oneOf = (list: unknown): Condition => {
    if (!Array.isArray(list) || list.length === 0 || !list.every(isScalar)) {
      return refuse(' must compare with a text, a number, true or false, or a list of them');
    }
    const exact = list.map((value) => form(String(value)));
    return { exact, test: someText((text) => exact.includes(form(text))) };
  };
  /** What begins so, and passes the test. */
  const beginning = (start: string, test: (text: string) => boolean): Condition => ({
    exact: undefined,
    test: someText(isPath ? (text) => mayBegin(text, start) && test(form(text)) : test),
  });
  if (isScalar(given)) return oneOf([given]);
  if (Array.isArray(given)) return oneOf(given);
  const [[word, operand] = [], ...more] = Object.entries(Object(given));
  if (more.length === 0) {
    switch (word) {
      case 'equals':
        return oneOf([operand]);
      case 'oneOf':
        return oneOf(operand);
      case 'prefix': {
        const text = requireText(operand, '.prefix', refuse);
        // A whole path has no slash at its end; the beginning of one may.
        const prefix = text.endsWith('/') ? form(`${text}*`).slice(0, -1) : form(text);
        return beginning(prefix, (text) => text.startsWith(prefix));
      }
      case 'pattern': {
        const pattern = form(requireText(operand, '.pattern', refuse));
        if (pattern.split(/\*+/).length - 1 > MAX_RUNS) {
          refuse(`.pattern must have at most ${MAX_RUNS} runs of *`);
        }
        return beginning(pattern.split('*', 1)[0]!, globTest(pattern));
      }
      case 'exists':
        if (typeof operand !== 'boolean') return refuse('.exists must be true or false');
        return { exact: undefined, test: (value) => (value !== undefined) === operand };
    }
  }
  return refuse(
    ' must be a value, a list of values, or an object with one of equals, oneOf, prefix, pattern, exists',
  );
}

export function requireText(
  given: unknown,
  what: string,
  refuse: (fault: string) => never,
): string {
  if (typeof given === 'string' && given !== '' && given.length <= MAX_LENGTH) return given;
  return refuse(`${what} must be a text of 1 to ${MAX_LENGTH} characters`);
}

function someText(test: (text: string) => boolean): Condition['test'] {
  return (value) => {
    if (value === undefined) return false;
    if (!Array.isArray(value)) return test(String(value));
    return value.some((one) => isScalar(one) && test(String(one)));
  };
}

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
