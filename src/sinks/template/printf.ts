import { Printer } from './printer.js';
import { noFlags } from './scalars.js';
import {
  Byte,
  type MadeText,
  type Settled,
  settle,
  stringOf,
  typeName,
  type Value,
} from './value.js';

/** fmt.Sprint: a space between operands neither of which is a string. */
export function sprint(values: readonly Value[], maxLength: number): MadeText {
  const printer = new Printer(maxLength);
  let wasString = true;
  for (const value of values) {
    const isString = stringOf(settle(value)) !== undefined;
    if (!isString && !wasString) printer.write(' ', false);
    printer.print(value, 'v');
    wasString = isString;
  }
  return printer.made;
}

/** fmt.Sprintln. */
export function sprintln(values: readonly Value[], maxLength: number): MadeText {
  const printer = new Printer(maxLength);
  for (const [index, value] of values.entries()) {
    if (index > 0) printer.write(' ', false);
    printer.print(value, 'v');
  }
  printer.write('\n', false);
  return printer.made;
}

/** fmt.Sprintf, its complaints about a wrong format included. */
export function sprintf(
  format: string | MadeText,
  values: readonly Value[],
  maxLength: number,
): MadeText {
  const isForeign = typeof format === 'string' || format.pieces.some((piece) => piece.foreign);
  const text = typeof format === 'string' ? format : format.text;
  return new Formatter(text, isForeign, values, maxLength).run();
}

/** Widths and argument numbers beyond this are refused by Go. */
const TOO_LARGE = 1_000_000;

class Formatter {
  readonly #format: string;
  readonly #isForeign: boolean;
  readonly #values: readonly Value[];
  readonly #printer: Printer;
  #at = 0;
  #argument = 0;
  /** Whether the item before was an index such as [3]. */
  #afterIndex = false;
  #reordered = false;
  #goodIndex = true;

  constructor(format: string, isForeign: boolean, values: readonly Value[], maxLength: number) {
    this.#format = format;
    this.#isForeign = isForeign;
    this.#values = values;
    this.#printer = new Printer(maxLength);
  }

  run(): MadeText {
    const format = this.#format;
    while (this.#at < format.length) {
      const percent = format.indexOf('%', this.#at);
      const end = percent < 0 ? format.length : percent;
      this.#write(format.slice(this.#at, end));
      this.#at = end + 1;
      if (percent >= 0 && !this.#verb()) break;
    }
    if (!this.#reordered && this.#argument < this.#values.length) this.#extra();
    return this.#printer.made;
  }

  #write(text: string): void {
    this.#printer.write(text, this.#isForeign);
  }

  /** Everything from after `%` up to the verb; false where the format ends before it. */
  #verb(): boolean {
    this.#goodIndex = true;
    this.#afterIndex = false;
    const flags = noFlags();
    this.#printer.flags = flags;
    this.#readFlags();
    this.#readIndex();
    this.#readWidth();
    this.#readPrecision();
    if (!this.#afterIndex) this.#readIndex();
    const verb = this.#format.codePointAt(this.#at);
    if (verb === undefined) {
      this.#write('%!(NOVERB)');
      return false;
    }
    const character = String.fromCodePoint(verb);
    this.#at += character.length;
    if (character === '%') this.#write('%');
    else if (!this.#goodIndex) this.#write(`%!${character}(BADINDEX)`);
    else if (this.#argument >= this.#values.length) this.#write(`%!${character}(MISSING)`);
    else {
      if (character === 'v' || character === 'w') {
        flags.sharpV = flags.sharp;
        flags.sharp = false;
        flags.plusV = flags.plus;
        flags.plus = false;
      }
      this.#printer.print(this.#values[this.#argument], character);
      this.#argument += 1;
    }
    return true;
  }

  #readFlags(): void {
    const { flags } = this.#printer;
    for (; ; this.#at += 1) {
      const character = this.#format[this.#at];
      if (character === '#') flags.sharp = true;
      else if (character === '0') flags.zero = true;
      else if (character === '+') flags.plus = true;
      else if (character === '-') flags.minus = true;
      else if (character === ' ') flags.space = true;
      else return;
    }
  }

  /** `[3]`: which argument is next. */
  #readIndex(): void {
    if (this.#format[this.#at] !== '[') {
      this.#afterIndex = false;
      return;
    }
    this.#reordered = true;
    const close = this.#format.indexOf(']', this.#at);
    const isShort = this.#format.length - this.#at < 3;
    const digits = isShort || close < 0 ? '' : this.#format.slice(this.#at + 1, close);
    this.#at = isShort || close < 0 ? this.#at + 1 : close + 1;
    const number = readSmall(digits);
    const isIndex = /^\d+$/.test(digits) && number !== undefined;
    this.#afterIndex = isIndex;
    if (isIndex && number >= 1 && number <= this.#values.length) this.#argument = number - 1;
    else this.#goodIndex = false;
  }

  #readWidth(): void {
    const { flags } = this.#printer;
    if (this.#format[this.#at] === '*') {
      this.#at += 1;
      flags.width = this.#intArgument();
      if (flags.width === undefined) this.#write('%!(BADWIDTH)');
      else if (flags.width < 0) {
        flags.width = -flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      this.#afterIndex = false;
      return;
    }
    flags.width = this.#readNumber();
    if (this.#afterIndex && flags.width !== undefined) this.#goodIndex = false;
  }

  #readPrecision(): void {
    const { flags } = this.#printer;
    if (this.#format[this.#at] !== '.' || this.#at + 1 >= this.#format.length) return;
    this.#at += 1;
    if (this.#afterIndex) this.#goodIndex = false;
    this.#readIndex();
    if (this.#format[this.#at] === '*') {
      this.#at += 1;
      const precision = this.#intArgument();
      if (precision !== undefined && precision >= 0) flags.precision = precision;
      else this.#write('%!(BADPREC)');
      this.#afterIndex = false;
    } else flags.precision = this.#readNumber() ?? 0;
  }

  /** A number of the format; one that is too large ends it, as in Go. */
  #readNumber(): number | undefined {
    const digits = /^\d*/.exec(this.#format.slice(this.#at))![0];
    if (digits === '') return undefined;
    const number = readSmall(digits);
    this.#at = number === undefined ? this.#format.length : this.#at + digits.length;
    return number;
  }

  #intArgument(): number | undefined {
    if (this.#argument >= this.#values.length) return undefined;
    const value = settle(this.#values[this.#argument]);
    this.#argument += 1;
    const number = intOf(value);
    return number !== undefined && Math.abs(number) <= TOO_LARGE ? number : undefined;
  }

  #extra(): void {
    this.#printer.flags = noFlags();
    this.#write('%!(EXTRA ');
    for (const [index, value] of this.#values.slice(this.#argument).entries()) {
      if (index > 0) this.#write(', ');
      const type = typeName(value);
      if (type !== '<nil>') this.#write(`${type}=`);
      this.#printer.print(value, 'v');
    }
    this.#write(')');
  }
}

/** Go reads on while the number is at most a million, so it may end with one digit more. */
function readSmall(digits: string): number | undefined {
  let number = 0;
  for (const digit of digits) {
    if (number > TOO_LARGE) return undefined;
    number = number * 10 + Number(digit);
  }
  return number;
}

function intOf(value: Settled): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Byte ? value.value : undefined;
}
