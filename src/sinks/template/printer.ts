import { RenderError } from './fault.js';
import { formatFloat } from './floats.js';
import { canBackquote, isPrintable, quoteGo } from './quoting.js';
import {
  Byte,
  ExactNumber,
  isMap,
  isSlice,
  isStruct,
  MadeText,
  type Piece,
  type Settled,
  settle,
  sortedKeys,
  stringOf,
  typeName,
  type Value,
} from './value.js';

/** The flags, width and precision of one verb, by the names of Go's fmt package. */
export interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** `%+v`: structs show the names of their fields. */
  plusV: boolean;
  /** `%#v`: Go syntax. */
  sharpV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

export function noFlags(): Flags {
  return {
    plus: false,
    minus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
    width: undefined,
    precision: undefined,
  };
}

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

  /** Text of the template's own, or, where so said, of an event's. */
  write(text: string, foreign = this.#foreign): void {
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
      if (verb === 'T' || verb === 'v') this.#pad('<nil>');
      else this.#badVerb(settled, verb);
    } else if (verb === 'T') this.#printString(typeName(settled), 's');
    else if (verb === 'p') this.#printAddress(settled);
    else if (verb === 'w') this.#badVerb(settled, verb);
    else this.#printValue(settled, verb, 0);
    this.#foreign = false;
  }

  /** A composed string that is printed as it is keeps its pieces apart. */
  #writeWhole(text: MadeText, verb: string): boolean {
    const { width, precision, sharpV } = this.flags;
    const isPlain = verb === 's' || (verb === 'v' && !sharpV);
    if (!isPlain || (width ?? 0) > 0 || precision !== undefined) return false;
    for (const piece of text.pieces) this.write(piece.text, piece.foreign);
    return true;
  }

  #printAddress(value: Settled): void {
    if (isMap(value) || isSlice(value) || (isStruct(value) && value.isPointer)) {
      throw new RenderError('printf %p: there are no addresses here');
    }
    this.#badVerb(value, 'p');
  }

  #printValue(value: Settled, verb: string, depth: number): void {
    if (typeof value === 'boolean') this.#printBool(value, verb);
    else if (typeof value === 'number') this.#printFloat(value, verb);
    else if (typeof value === 'bigint') this.#printInt(value, verb, value, true);
    else if (value instanceof Byte) this.#printInt(BigInt(value.value), verb, value, false);
    else if (value instanceof ExactNumber) this.#printExact(value, verb);
    else if (value === undefined || value === null) {
      this.write(this.flags.sharpV ? 'interface {}(nil)' : '<nil>');
    } else if (isSlice(value)) this.#printSlice(value, verb, depth);
    else if (isStruct(value)) this.#printStruct(value, verb, depth);
    else {
      const text = stringOf(value);
      if (text !== undefined) this.#printString(text, verb);
      else if (isMap(value)) this.#printMap(value, verb, depth);
    }
  }

  #printSlice(items: readonly Value[], verb: string, depth: number): void {
    const { sharpV } = this.flags;
    this.write(sharpV ? '[]interface {}{' : '[');
    for (const [index, item] of items.entries()) {
      if (index > 0) this.write(sharpV ? ', ' : ' ');
      this.#printValue(settle(item), verb, depth + 1);
    }
    this.write(sharpV ? '}' : ']');
  }

  #printMap(map: { readonly [key: string]: Value }, verb: string, depth: number): void {
    const { sharpV } = this.flags;
    this.write(sharpV ? 'map[string]interface {}{' : 'map[');
    for (const [index, key] of sortedKeys(map).entries()) {
      if (index > 0) this.write(sharpV ? ', ' : ' ');
      this.#printString(key, verb);
      this.write(':');
      this.#printValue(settle(map[key]), verb, depth + 1);
    }
    this.write(sharpV ? '}' : ']');
  }

  #printStruct(value: Extract<Settled, { struct: unknown }>, verb: string, depth: number): void {
    const { sharpV, plusV } = this.flags;
    if (value.isPointer) this.write('&');
    if (sharpV) this.write(value.struct.typeName);
    this.write('{');
    for (const [index, { name }] of value.struct.fields.entries()) {
      if (index > 0) this.write(sharpV ? ', ' : ' ');
      if (sharpV || plusV) this.write(`${name}:`);
      this.#printValue(settle(value.get(name)), verb, depth + 1);
    }
    this.write('}');
  }

  #printBool(value: boolean, verb: string): void {
    if (verb === 't' || verb === 'v') this.#pad(String(value));
    else this.#badVerb(value, verb);
  }

  /** Its own digits where all of them are asked for; where fewer are, float64 has enough. */
  #printExact(value: ExactNumber, verb: string): void {
    const { precision } = this.flags;
    if ((verb === 'v' || verb === 'g' || verb === 'G') && precision === undefined) {
      this.#padNumber(value.text);
    } else this.#printFloat(value.float, verb, value);
  }

  #printFloat(value: number, verb: string, shown: Settled = value): void {
    const format = FLOAT_FORMATS[verb];
    if (format === undefined) return this.#badVerb(shown, verb);
    const fallback = 'efE'.includes(format) ? 6 : -1;
    const precision = this.flags.precision ?? fallback;
    const text = formatFloat(value, format, precision);
    this.#padNumber(this.flags.sharp && format !== 'b' ? withPoint(text, format, precision) : text);
  }

  /** A number with its sign; zeros go between sign and digits. */
  #padNumber(text: string): void {
    const { flags } = this;
    const signed = /^[-+]/.test(text) ? text : `+${text}`;
    if (/^.(?:Inf|NaN)/.test(signed)) {
      const isBare = signed[1] === 'N' && !flags.space && !flags.plus;
      const shown =
        signed[0] === '+' && flags.space && !flags.plus ? ` ${signed.slice(1)}` : signed;
      return this.#unpaddedByZero(() => this.#pad(isBare ? shown.slice(1) : shown));
    }
    const sign = signed[0] === '+' && flags.space && !flags.plus ? ' ' : signed[0]!;
    const digits = signed.slice(1);
    if (!flags.plus && sign === '+') return this.#pad(digits);
    const { width = 0 } = flags;
    if (flags.zero && !flags.minus && width > digits.length + 1) {
      this.write(sign + '0'.repeat(width - digits.length - 1) + digits);
    } else this.#pad(sign + digits);
  }

  #printInt(value: bigint, verb: string, shown: Settled, isSigned: boolean): void {
    switch (verb) {
      case 'v':
        if (this.flags.sharpV && !isSigned) return this.write(`0x${value.toString(16)}`);
        return this.#printDigits(value, 10, verb);
      case 'd':
        return this.#printDigits(value, 10, verb);
      case 'b':
        return this.#printDigits(value, 2, verb);
      case 'o':
      case 'O':
        return this.#printDigits(value, 8, verb);
      case 'x':
      case 'X':
        return this.#printDigits(value, 16, verb);
      case 'c':
        return this.#pad(characterOf(value));
      case 'q':
        return this.#pad(quoteGo(characterOf(value), "'", this.flags.plus));
      case 'U':
        return this.#printUnicode(BigInt.asUintN(64, value));
      default:
        return this.#badVerb(shown, verb);
    }
  }

  #printDigits(value: bigint, base: number, verb: string): void {
    const { flags } = this;
    const isNegative = value < 0n;
    const magnitude = isNegative ? -value : value;
    const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
    let least = flags.precision ?? 0;
    if (flags.precision === 0 && value === 0n) {
      return this.#unpaddedByZero(() => this.#pad(''));
    }
    if (flags.precision === undefined && flags.zero && !flags.minus && flags.width !== undefined) {
      least = flags.width - sign.length;
    }
    let digits = magnitude.toString(base).padStart(Math.max(least, 0), '0');
    if (flags.sharp && base === 2) digits = `0b${digits}`;
    if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
    if (flags.sharp && base === 16) digits = `0x${digits}`;
    if (verb === 'O') digits = `0o${digits}`;
    if (verb === 'X') digits = digits.toUpperCase();
    this.#unpaddedByZero(() => this.#pad(sign + digits));
  }

  #printUnicode(value: bigint): void {
    const { precision = 0, sharp } = this.flags;
    const digits = value.toString(16).toUpperCase().padStart(Math.max(4, precision), '0');
    const character = value <= 0x10ffffn ? characterOf(value) : '';
    const shown = sharp && isPrintable(character) ? ` '${character}'` : '';
    this.#unpaddedByZero(() => this.#pad(`U+${digits}${shown}`));
  }

  #printString(text: string, verb: string): void {
    const { flags } = this;
    switch (verb) {
      case 'v':
        if (flags.sharpV) this.#pad(this.#quoted(text));
        else this.#pad(this.#cut(text));
        break;
      case 's':
        this.#pad(this.#cut(text));
        break;
      case 'q':
        this.#pad(this.#quoted(text));
        break;
      case 'x':
        this.#printBytes(text, (hex) => hex);
        break;
      case 'X':
        this.#printBytes(text, (hex) => hex.toUpperCase());
        break;
      default:
        this.#badVerb(text, verb);
    }
  }

  #quoted(text: string): string {
    const { sharp, plus } = this.flags;
    const cut = this.#cut(text);
    return sharp && canBackquote(cut) ? `\`${cut}\`` : quoteGo(cut, '"', plus);
  }

  /** The precision of a string counts its characters. */
  #cut(text: string): string {
    const { precision } = this.flags;
    if (precision === undefined || text.length <= precision) return text;
    return Array.from(text).slice(0, precision).join('');
  }

  #printBytes(text: string, toCase: (hex: string) => string): void {
    const { flags } = this;
    const bytes = Buffer.from(text).subarray(0, flags.precision);
    const prefix = flags.sharp ? toCase('0x') : '';
    const parts = Array.from(bytes, (byte) => toCase(byte.toString(16).padStart(2, '0')));
    if (bytes.length === 0) return this.#pad('');
    this.#pad(flags.space ? parts.map((part) => prefix + part).join(' ') : prefix + parts.join(''));
  }

  /** `%!d(string=hi)`: the value as %v would show it, by the same flags. */
  #badVerb(value: Settled, verb: string): void {
    this.write(`%!${verb}(`);
    if (value === undefined || value === null) this.write('<nil>');
    else {
      this.write(`${typeName(value)}=`);
      this.#printValue(value, 'v', 0);
    }
    this.write(')');
  }

  #unpaddedByZero(print: () => void): void {
    const { zero } = this.flags;
    this.flags.zero = false;
    print();
    this.flags.zero = zero;
  }

  #pad(text: string): void {
    const { width = 0, minus, zero } = this.flags;
    if (width === 0) return this.write(text);
    const missing = Math.max(width - countCharacters(text), 0);
    this.write(minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text);
  }
}

/** Whether an event may have had a say in the value's text; numbers and the like are harmless. */
export function isForeign(value: Settled): boolean {
  if (value instanceof MadeText) return value.pieces.some((piece: Piece) => piece.foreign);
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null) return false;
  return !(value instanceof Byte || value instanceof ExactNumber);
}

const FLOAT_FORMATS: Readonly<Record<string, string>> = {
  v: 'g',
  b: 'b',
  g: 'g',
  G: 'G',
  x: 'x',
  X: 'X',
  f: 'f',
  F: 'f',
  e: 'e',
  E: 'E',
};

/** `%#g` keeps the point and trailing zeros. */
function withPoint(text: string, format: string, precision: number): string {
  const [, sign = '', body = '', tail = ''] =
    /^([-+]?)(0[xX][0-9a-fA-F.]*|[0-9.]*)(.*)$/.exec(text) ?? [];
  let missing = 'gGx'.includes(format) ? (precision < 0 ? 6 : precision) : 0;
  const digits = body.replace('.', '').replace(/^0+/, '');
  missing -= digits.length;
  let padded = body;
  if (!body.includes('.')) {
    if (body === '0') missing -= 1;
    padded += '.';
  }
  return `${sign}${padded}${'0'.repeat(Math.max(missing, 0))}${tail}`;
}

/** The character of a code point; U+FFFD where there is none. */
function characterOf(value: bigint): string {
  const code = value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd;
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);
}

function countCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text.charCodeAt(at + 1))) at += 1;
    count += 1;
  }
  return count;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
