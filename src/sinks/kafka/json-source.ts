import * as ascii from './ascii.js';

/** JSON text as bytes to walk over. What it is given is JSON already: it checks nothing, only reads. */
export class JsonSource {
  bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  /** Where the next token begins. */
  at = 0;

  /** Takes the next text; the one before is gone. */
  open(text: string): void {
    const most = text.length * 3 + 1; // a UTF-16 unit takes three bytes at most
    if (this.bytes.length < most || this.bytes.length > MAX_KEPT_BYTES) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(most, 16 * 1024));
    }
    // A zero at the end stops every scan.
    this.bytes[writeUtf8(this.bytes, text)] = 0;
    this.at = 0;
  }

  /** The first byte of the next token, white space left behind. */
  peek(): number {
    const { bytes } = this;
    let { at } = this;
    while (bytes[at]! <= ascii.SPACE && bytes[at] !== 0) at += 1;
    this.at = at;
    return bytes[at]!;
  }

  /**
   * Passes the string that begins here and returns where its closing quote is; negative, its complement,
   * where there are escapes in it.
   */
  passString(): number {
    const { bytes } = this;
    let at = this.at + 1;
    let escaped = false;
    for (let byte = bytes[at]!; byte !== ascii.QUOTE && byte !== 0; byte = bytes[at]!) {
      if (byte === ascii.BACKSLASH) {
        escaped = true;
        at += 1;
      }
      at += 1;
    }
    this.at = at + 1;
    return escaped ? ~at : at;
  }

  /** Passes the number that begins here. */
  passNumber(): void {
    const { bytes } = this;
    let at = this.at + 1;
    for (let byte = bytes[at]!; isNumeric(byte); byte = bytes[at]!) at += 1;
    this.at = at;
  }

  /** Passes the value that begins here, whatever is in it. */
  passValue(): void {
    const first = this.peek();
    if (first === ascii.QUOTE) this.passString();
    else if (first === ascii.OPEN_BRACE || first === ascii.OPEN_BRACKET) this.#passNested();
    else if (first === ascii.NULL_START || first === ascii.TRUE_START) this.at += 4;
    else if (first === ascii.FALSE_START) this.at += 5;
    else this.passNumber();
  }

  text(from: number, to: number): string {
    return this.bytes.toString('utf8', from, to);
  }

  #passNested(): void {
    let depth = 0;
    do {
      const byte = this.bytes[this.at]!;
      if (byte === 0) return;
      if (byte === ascii.QUOTE) {
        this.passString();
        continue;
      }
      if (byte === ascii.OPEN_BRACE || byte === ascii.OPEN_BRACKET) depth += 1;
      else if (byte === ascii.CLOSE_BRACE || byte === ascii.CLOSE_BRACKET) depth -= 1;
      this.at += 1;
    } while (depth > 0);
  }
}

/** Without the checks of `write`, which take as long as a text of 300 bytes; not documented, so not relied on. */
function writeUtf8(bytes: Buffer & { utf8Write?: Buffer['write'] }, text: string): number {
  return bytes.utf8Write === undefined ? bytes.write(text, 0) : bytes.utf8Write(text, 0);
}

/** A larger buffer is not kept for the next text. */
const MAX_KEPT_BYTES = 1024 * 1024;

function isDigit(byte: number): boolean {
  return byte >= ascii.ZERO && byte <= ascii.NINE;
}

/** Digits, signs, the point and the exponent. */
function isNumeric(byte: number): boolean {
  return (
    isDigit(byte) ||
    byte === ascii.POINT ||
    (byte | 0x20) === 0x65 ||
    byte === 0x2b ||
    byte === ascii.MINUS
  );
}

/** A number of the text, and what became of it. */
export interface ReadNumber {
  value: number;
  /** Whether the value is what the text says; otherwise the text must travel. */
  held: boolean;
  /** Whether JavaScript prints the value as the text has it. */
  exact: boolean;
}

const read: ReadNumber = { value: 0, held: true, exact: true };

/** Reads and passes the number that begins here. The answer is one object for all, good until the next. */
export function readNumber(source: JsonSource): ReadNumber {
  const { bytes, at } = source;
  let end = at;
  let value = 0;
  let byte = bytes[end]!;
  const negative = byte === ascii.MINUS;
  if (negative) {
    end += 1;
    byte = bytes[end]!;
  }
  const digits = end;
  while (isDigit(byte)) {
    value = value * 10 + byte - ascii.ZERO;
    end += 1;
    byte = bytes[end]!;
  }
  let length = end - digits;
  let scale = 1;
  let isPlain = true;
  if (byte === ascii.POINT) {
    for (byte = bytes[++end]!; isDigit(byte); byte = bytes[++end]!) {
      value = value * 10 + byte - ascii.ZERO;
      scale *= 10;
    }
    length = end - digits - 1;
    // JavaScript prints no zero at the end, and from 1e-7 on an exponent.
    isPlain = bytes[end - 1] !== ascii.ZERO && value * 1e6 >= scale;
  }
  if (isPlain && !isNumeric(byte) && length < 16 && !(negative && value === 0)) {
    source.at = end;
    // Both are exact, so that their quotient is the double nearest to the text.
    read.value = (negative ? -value : value) / scale;
    read.held = true;
    read.exact = true;
    return read;
  }
  source.passNumber();
  const token = bytes.toString('latin1', at, source.at);
  read.value = Number(token);
  read.exact = token === String(read.value);
  read.held = isHeld(token, read.value, read.exact);
  return read;
}

/**
 * Whether a double says what the token says: 15 significant digits always fit. An integer beyond 2^53 does
 * not count, for the type of a field must not hang on the last digits of its value.
 */
function isHeld(token: string, value: number, exact: boolean): boolean {
  if (!Number.isFinite(value)) return false;
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(value);
  if (exact) return true;
  const significant = token.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+/, '');
  return significant.replace(/0+$/, '').length <= 15 && (value !== 0 || significant === '');
}
