import { RenderError } from './fault.js';
import {
  type Flags,
  formatBool,
  formatExact,
  formatInt,
  formatNumber,
  formatString,
  noFlags,
  pad,
} from './scalars.js';
import {
  Byte,
  ExactNumber,
  type GoMap,
  isMap,
  isSlice,
  isStruct,
  MadeText,
  type Settled,
  type Struct,
  settle,
  sortedKeys,
  stringOf,
  typeName,
  type Value,
} from './value.js';

/** Prints values as Go's fmt package does, and remembers what of the text came from an event. */
export class Printer {
  flags: Flags = noFlags();
  readonly #pieces: { text: string; foreign: boolean }[] = [];
  readonly #maxLength: number;
  #length = 0;
  /** Whether what is being printed comes from an event. */
  #foreign = false;

  /** @param maxLength of all that is printed; more is a fault */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get made(): MadeText {
    return new MadeText(this.#pieces);
  }

  /** @param foreign whether an event had a say in the text */
  write(text: string, foreign: boolean): void {
    if (text === '') return;
    this.#length += text.length;
    if (this.#length > this.#maxLength) throw new RenderError('it prints more than is allowed');
    const last = this.#pieces.at(-1);
    if (last?.foreign === foreign) last.text += text;
    else this.#pieces.push({ text, foreign });
  }

  /** One argument of print or printf. */
  print(value: Value, verb: string): void {
    const settled = settle(value);
    if (settled instanceof MadeText && this.#writeWhole(settled, verb)) return;
    this.#foreign = isForeign(settled);
    if (settled === undefined || settled === null) {
      const isShown = verb === 'v' || verb === 'T';
      this.#scalar(isShown ? pad('<nil>', this.flags) : undefined, settled, verb);
    } else if (verb === 'T') {
      this.#scalar(formatString(typeName(settled), 's', this.flags), settled, verb);
    } else if (verb === 'p' || verb === 'w') this.#address(settled, verb);
    else this.#value(settled, verb);
  }

  /** A composed string that is printed as it is keeps its pieces apart. */
  #writeWhole(text: MadeText, verb: string): boolean {
    const { width, precision, sharpV } = this.flags;
    const isPlain = verb === 's' || (verb === 'v' && !sharpV);
    if (!isPlain || (width ?? 0) > 0 || precision !== undefined) return false;
    for (const piece of text.pieces) this.write(piece.text, piece.foreign);
    return true;
  }

  #address(value: Settled, verb: string): void {
    const hasAddress = isMap(value) || isSlice(value) || (isStruct(value) && value.isPointer);
    if (verb === 'p' && hasAddress) throw new RenderError('there are no addresses to print');
    this.#badVerb(value, verb);
  }

  #value(value: Settled, verb: string): void {
    if (value === undefined || value === null) {
      this.#write(this.flags.sharpV ? 'interface {}(nil)' : '<nil>');
    } else if (isSlice(value)) this.#slice(value, verb);
    else if (isStruct(value)) this.#struct(value, verb);
    else if (isMap(value)) this.#map(value, verb);
    else this.#scalar(formatScalar(value, verb, this.flags), value, verb);
  }

  #slice(items: readonly Value[], verb: string): void {
    const { sharpV } = this.flags;
    this.#write(sharpV ? '[]interface {}{' : '[');
    for (const [index, item] of items.entries()) {
      if (index > 0) this.#write(sharpV ? ', ' : ' ');
      this.#value(settle(item), verb);
    }
    this.#write(sharpV ? '}' : ']');
  }

  #map(map: GoMap, verb: string): void {
    const { sharpV } = this.flags;
    this.#write(sharpV ? 'map[string]interface {}{' : 'map[');
    for (const [index, key] of sortedKeys(map).entries()) {
      if (index > 0) this.#write(sharpV ? ', ' : ' ');
      this.#value(key, verb);
      this.#write(':');
      this.#value(settle(map[key]), verb);
    }
    this.#write(sharpV ? '}' : ']');
  }

  #struct(value: Struct, verb: string): void {
    const { sharpV, plusV } = this.flags;
    const type = sharpV ? value.struct.typeName : '';
    this.#write(`${value.isPointer ? '&' : ''}${type}{`);
    for (const [index, { name }] of value.struct.fields.entries()) {
      if (index > 0) this.#write(sharpV ? ', ' : ' ');
      if (sharpV || plusV) this.#write(`${name}:`);
      this.#value(settle(value.get(name)), verb);
    }
    this.#write('}');
  }

  #scalar(text: string | undefined, value: Settled, verb: string): void {
    if (text === undefined) this.#badVerb(value, verb);
    else this.#write(text);
  }

  /** `%!d(string=hi)`: the value as %v would show it, by the same flags. */
  #badVerb(value: Settled, verb: string): void {
    if (value === undefined || value === null) this.#write(`%!${verb}(<nil>)`);
    else {
      this.#write(`%!${verb}(${typeName(value)}=`);
      this.#value(value, 'v');
      this.#write(')');
    }
  }

  #write(text: string): void {
    this.write(text, this.#foreign);
  }
}

function formatScalar(value: Settled, verb: string, flags: Flags): string | undefined {
  if (typeof value === 'boolean') return formatBool(value, verb, flags);
  if (typeof value === 'number') return formatNumber(value, verb, flags);
  if (typeof value === 'bigint') return formatInt(value, true, verb, flags);
  if (value instanceof Byte) return formatInt(BigInt(value.value), false, verb, flags);
  if (value instanceof ExactNumber) return formatExact(value.text, verb, flags);
  return formatString(stringOf(value)!, verb, flags);
}

/** Whether an event may have had a say in the value's text; numbers and the like are harmless. */
export function isForeign(value: Settled): boolean {
  if (value instanceof MadeText) return value.pieces.some((piece) => piece.foreign);
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null) return false;
  return !(value instanceof Byte || value instanceof ExactNumber);
}
