import { compare, equals } from './comparison.js';
import { RenderError } from './fault.js';
import { printJson } from './go-json.js';
import { isForeign } from './printer.js';
import { sprint, sprintf, sprintln } from './printf.js';
import { escapeHtml, escapeJavaScript, escapeQuery } from './quoting.js';
import {
  Byte,
  isMap,
  isSlice,
  isStruct,
  isTrue,
  MadeText,
  RawJson,
  settle,
  stringOf,
  toPrint,
  typeName,
  type Value,
} from './value.js';

/** A function that a template may call. */
export interface BuiltIn {
  /** How many arguments, one from the pipeline included. */
  readonly least: number;
  readonly most: number;
  /** Of `and` and `or`: the truth of the argument after which no other is evaluated. */
  readonly decisive?: boolean;
  /** @param maxLength bound on what it prints */
  call(args: readonly Value[], maxLength: number): Value;
}

/** Go's own functions, and those that Flipt adds. */
export function builtInOf(name: string): BuiltIn | undefined {
  return Object.hasOwn(BUILT_INS, name) ? BUILT_INS[name] : undefined;
}

const MANY = Number.POSITIVE_INFINITY;

const BUILT_INS: Readonly<Record<string, BuiltIn>> = {
  and: { least: 1, most: MANY, decisive: false, call: (args) => args.at(-1) },
  or: { least: 1, most: MANY, decisive: true, call: (args) => args.at(-1) },
  not: { least: 1, most: 1, call: ([value]) => !isTrue(value) },
  len: { least: 1, most: 1, call: ([value]) => BigInt(lengthOf(value)) },
  index: {
    least: 1,
    most: MANY,
    call: ([item, ...indices]) => indices.reduce(indexOnce, present('index', item)),
  },
  slice: {
    least: 1,
    most: 4,
    call: ([item, ...indices]) => slice(present('slice', item), indices),
  },
  print: { least: 0, most: MANY, call: sprint },
  println: { least: 0, most: MANY, call: sprintln },
  printf: {
    least: 1,
    most: MANY,
    call: ([format, ...args], max) => sprintf(formatOf(format), args, max),
  },
  html: { least: 0, most: MANY, call: (args, max) => escapeWith(args, escapeHtml, max) },
  js: { least: 0, most: MANY, call: (args, max) => escapeWith(args, escapeJavaScript, max) },
  urlquery: { least: 0, most: MANY, call: (args, max) => escapeWith(args, escapeQuery, max) },
  call: { least: 1, most: MANY, call: ([callee]) => callNothing(callee) },
  eq: { least: 2, most: MANY, call: ([first, ...others]) => equals(first, others) },
  ne: { least: 2, most: 2, call: ([a, b]) => !equals(a, [b]) },
  lt: { least: 2, most: 2, call: ([a, b]) => compare(a, b) < 0 },
  le: { least: 2, most: 2, call: ([a, b]) => compare(a, b) <= 0 },
  gt: { least: 2, most: 2, call: ([a, b]) => compare(a, b) > 0 },
  ge: { least: 2, most: 2, call: ([a, b]) => compare(a, b) >= 0 },
  toJson: {
    least: 1,
    most: 1,
    call: ([value]) =>
      new MadeText([{ text: printJson(value), foreign: true }], isDelimited(value)),
  },
};

/** Whether its JSON begins with a bracket or a quote; raw JSON is not looked into. */
function isDelimited(value: Value): boolean {
  if (value instanceof RawJson) return /^["{[]/.test(value.text);
  return isStruct(value) || isMap(value) || isSlice(value) || stringOf(value) !== undefined;
}

function present(name: string, item: Value): Value {
  const settled = settle(item);
  if (settled === undefined || settled === null) throw new RenderError(`${name} of untyped nil`);
  return settled;
}

function lengthOf(value: Value): number {
  const settled = settle(value);
  const text = stringOf(settled);
  if (text !== undefined) return Buffer.byteLength(text);
  if (isSlice(settled)) return settled.length;
  if (isMap(settled)) return Object.keys(settled).length;
  throw new RenderError(`len of type ${typeName(settled)}`);
}

function indexOnce(given: Value, index: Value): Value {
  const item = settle(given);
  const at = settle(index);
  if (item === undefined || item === null) throw new RenderError('index of nil pointer');
  if (isMap(item)) {
    const key = stringOf(at);
    if (key === undefined) {
      throw new RenderError(`value has type ${typeName(at)}; should be string`);
    }
    return Object.hasOwn(item, key) ? item[key] : null;
  }
  if (isSlice(item)) return item[placeIn(at, item.length, false)];
  const text = stringOf(item);
  if (text === undefined) throw new RenderError(`can't index item of type ${typeName(item)}`);
  const bytes = Buffer.from(text);
  return new Byte(bytes[placeIn(at, bytes.length, false)]!);
}

function slice(item: Value, indices: readonly Value[]): Value {
  const text = stringOf(item);
  if (text === undefined && !isSlice(item)) {
    throw new RenderError(`can't slice item of type ${typeName(item)}`);
  }
  if (text !== undefined && indices.length === 3) {
    throw new RenderError('cannot 3-index slice a string');
  }
  const bytes = text === undefined ? undefined : Buffer.from(text);
  const { length } = bytes ?? (item as readonly Value[]);
  const [from = 0, to = length, most = length] = indices.map((index) =>
    placeIn(settle(index), length, true),
  );
  if (from > to || to > most) throw new RenderError(`invalid slice index: ${from} > ${to}`);
  if (bytes === undefined) return (item as readonly Value[]).slice(from, to);
  // Half a character, which Go would leave in the text, becomes U+FFFD.
  const cut = bytes.toString('utf8', from, to);
  return isForeign(settle(item)) ? cut : new MadeText([{ text: cut, foreign: false }]);
}

function placeIn(index: Value, length: number, endIncluded: boolean): number {
  const place =
    typeof index === 'bigint' ? Number(index) : index instanceof Byte ? index.value : undefined;
  if (place === undefined) {
    throw new RenderError(`cannot index slice/array with type ${typeName(index)}`);
  }
  if (place < 0 || place > length || (place === length && !endIncluded)) {
    throw new RenderError(`index out of range: ${place}`);
  }
  return place;
}

function formatOf(value: Value): string | MadeText {
  const format = settle(value);
  if (typeof format === 'string' || format instanceof MadeText) return format;
  throw new RenderError(`wrong type for value; expected string; got ${typeName(format)}`);
}

function escapeWith(
  args: readonly Value[],
  by: (text: string) => string,
  maxLength: number,
): MadeText {
  const printed = sprint(args.map(toPrint), maxLength);
  return new MadeText([{ text: by(printed.text), foreign: isForeign(printed) }]);
}

function callNothing(callee: Value): never {
  const settled = settle(callee);
  throw new RenderError(
    settled === undefined || settled === null
      ? 'call of nil'
      : `call of a non-function of type ${typeName(settled)}`,
  );
}
