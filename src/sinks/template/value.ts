/**
 * What a template computes with: the values that Go's text/template would see, in JavaScript's terms.
 * A map is an object as JSON.parse makes it, its prototype `Object.prototype`.
 */
export type Value =
  /** Nothing at all, such as a member that a map lacks: `<no value>`. */
  | undefined
  /** JSON's null inside a map or a slice: an interface that holds nothing. */
  | null
  | boolean
  | string
  /** float64, which every JSON number is. */
  | number
  /** int: literals, lengths, indices. */
  | bigint
  | Byte
  | ExactNumber
  | MadeText
  | RawJson
  | Struct
  | readonly Value[]
  | GoMap;

export interface GoMap {
  readonly [key: string]: Value;
}

/** uint8: what indexing a string yields. */
export class Byte {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A JSON number that float64 would alter. It counts as a float and is printed as recorded. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get float(): number {
    return Number(this.text);
  }
}

/** A string composed by a function, in pieces: which are the template's own, which the event's. */
export class MadeText {
  readonly pieces: readonly Piece[];
  /** Whether it is the JSON of one value that ends where the text ends, as no number does. */
  readonly isDelimitedJson: boolean;
  #text: string | undefined;

  constructor(pieces: readonly Piece[], isDelimitedJson = false) {
    this.pieces = pieces;
    this.isDelimitedJson = isDelimitedJson;
  }

  get text(): string {
    this.#text ??=
      this.pieces.length === 1
        ? this.pieces[0]!.text
        : this.pieces.map(({ text }) => text).join('');
    return this.#text;
  }
}

/** Part of a composed string. */
export interface Piece {
  readonly text: string;
  /** Whether an event may have had a say in it. */
  readonly foreign: boolean;
}

/** JSON that nobody has looked into yet. */
export class RawJson {
  readonly text: string;
  readonly #parse: (text: string) => Value;
  #value: Value;
  #parsed = false;

  constructor(text: string, parse: (text: string) => Value) {
    this.text = text;
    this.#parse = parse;
  }

  get value(): Value {
    if (!this.#parsed) {
      this.#value = this.#parse(this.text);
      this.#parsed = true;
    }
    return this.#value;
  }
}

/** A field of a struct; its name in JSON, where it is left out if `omitEmpty`. */
export interface StructField {
  readonly name: string;
  readonly jsonName: string;
  readonly omitEmpty: boolean;
}

/** A Go struct, or a pointer to one, which prints as `&{…}` where it is not what is printed itself. */
export interface Struct {
  readonly struct: { readonly typeName: string; readonly fields: readonly StructField[] };
  readonly isPointer: boolean;
  /** The value of a field; undefined where there is no such field. */
  get(name: string): Value;
}

/** What the value is in a kind of its own, raw JSON parsed. */
export type Settled = Exclude<Value, RawJson>;

export function settle(value: Value): Settled {
  return value instanceof RawJson ? (value.value as Settled) : value;
}

/** The text of either sort of string; undefined for anything else. */
export function stringOf(value: Value): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof MadeText ? value.text : undefined;
}

export function isStruct(value: Value): value is Struct {
  return typeof value === 'object' && value !== null && 'struct' in value && isOwnClass(value);
}

export function isSlice(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is GoMap {
  return typeof value === 'object' && value !== null && !isSlice(value) && !isOwnClass(value);
}

/** A payload may have a member named `struct`; what JSON made is never of a class. */
function isOwnClass(value: object): boolean {
  return Object.getPrototypeOf(value) !== Object.prototype;
}

/** The Go type, as %T shows it. */
export function typeName(value: Value): string {
  const settled = settle(value);
  switch (typeof settled) {
    case 'undefined':
      return '<nil>';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'number':
      return 'float64';
    case 'bigint':
      return 'int';
    default:
      break;
  }
  if (settled === null) return '<nil>';
  if (settled instanceof Byte) return 'uint8';
  if (settled instanceof ExactNumber) return 'float64';
  if (settled instanceof MadeText) return 'string';
  if (isSlice(settled)) return '[]interface {}';
  if (isStruct(settled)) return `${settled.isPointer ? '*' : ''}${settled.struct.typeName}`;
  return 'map[string]interface {}';
}

/** Whether `if` takes it for true: neither false, zero, empty nor nothing. */
export function isTrue(value: Value): boolean {
  const settled = settle(value);
  if (typeof settled !== 'object') return Boolean(settled) || Number.isNaN(settled);
  if (settled === null) return false;
  if (settled instanceof Byte) return settled.value !== 0;
  if (settled instanceof ExactNumber) return settled.float !== 0;
  if (settled instanceof MadeText) return settled.text !== '';
  if (isSlice(settled)) return settled.length > 0;
  return isStruct(settled) || Object.keys(settled).length > 0;
}

/** The keys of a map in Go's order, that of their bytes in UTF-8. */
export function sortedKeys(map: GoMap): string[] {
  return Object.keys(map).sort(compareBytes);
}

/** Orders strings by their bytes in UTF-8; UTF-16 puts what is beyond U+FFFF before U+E000. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const [leftHigh, rightHigh] = [isSurrogate(left), isSurrogate(right)];
    return leftHigh === rightHigh ? left - right : leftHigh ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** What of a value is printed where it stands alone: nothing as `<no value>`, no pointer but its aim. */
export function toPrint(value: Value): Settled {
  const settled = settle(value);
  if (settled === undefined || settled === null) return NO_VALUE;
  return isStruct(settled) && settled.isPointer ? new Pointee(settled) : settled;
}

const NO_VALUE = new MadeText([{ text: '<no value>', foreign: false }]);

class Pointee implements Struct {
  readonly struct: Struct['struct'];
  readonly isPointer = false;
  readonly #pointer: Struct;

  constructor(pointer: Struct) {
    this.struct = pointer.struct;
    this.#pointer = pointer;
  }

  get(name: string): Value {
    return this.#pointer.get(name);
  }
}
