// Go's literals, as strconv.Unquote, ParseInt and ParseFloat read them. Each function returns
// undefined for what is no literal.

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
};
const ESCAPE =
  /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

/** The text of a quoted or raw string, quotes included. Bytes that are not UTF-8 become U+FFFD. */
export function unquote(literal: string): string | undefined {
  const inside = literal.slice(1, -1);
  if (literal.startsWith('`')) return inside.replaceAll('\r', '');
  if (!inside.includes('\\')) return inside;
  const parts: Buffer[] = [];
  for (let at = 0; at < inside.length; ) {
    if (inside[at] === '\\') {
      const found = readEscape(inside, at, '"');
      if (found === undefined) return undefined;
      parts.push(found.isByte ? Buffer.of(found.code) : utf8(found.code));
      at = found.end;
    } else {
      const next = inside.indexOf('\\', at);
      const end = next < 0 ? inside.length : next;
      parts.push(Buffer.from(inside.slice(at, end)));
      at = end;
    }
  }
  return Buffer.concat(parts).toString();
}

/** The code point of a character constant, quotes included. */
export function unquoteCharacter(literal: string): bigint | undefined {
  const inside = literal.slice(1, -1);
  if (inside.startsWith('\\')) {
    const found = readEscape(inside, 0, "'");
    return found?.end === inside.length ? BigInt(found.code) : undefined;
  }
  const code = inside.codePointAt(0);
  if (code === undefined || String.fromCodePoint(code) !== inside) return undefined;
  return BigInt(code);
}

interface Escape {
  readonly code: number;
  /** \xHH and \OOO stand for a byte of UTF-8, not for a character. */
  readonly isByte: boolean;
  readonly end: number;
}

function readEscape(text: string, at: number, quote: '"' | "'"): Escape | undefined {
  ESCAPE.lastIndex = at;
  const match = ESCAPE.exec(text);
  if (match === null) return undefined;
  const [, simple, hex, octal, short, long] = match;
  const end = at + match[0].length;
  if (simple !== undefined) {
    if ((simple === '"' || simple === "'") && simple !== quote) return undefined;
    return { code: SIMPLE_ESCAPES[simple]!, isByte: false, end };
  }
  if (hex !== undefined) return { code: Number.parseInt(hex, 16), isByte: true, end };
  if (octal !== undefined) {
    const code = Number.parseInt(octal, 8);
    return code > 255 ? undefined : { code, isByte: true, end };
  }
  const code = Number.parseInt((short ?? long)!, 16);
  const exists = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return exists ? { code, isByte: false, end } : undefined;
}

function utf8(code: number): Buffer {
  return Buffer.from(String.fromCodePoint(code));
}

const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

/** What is read of a number: its value, or why there is none. */
export type NumberReading = bigint | number | { readonly fault: string };

/** An int where it looks like one, else a float64; the rule of Go's untyped constants. */
export function readNumber(literal: string): NumberReading {
  if (literal.endsWith('i') && literal.length > 1) {
    return { fault: 'complex numbers are not supported' };
  }
  const isHexInt = /^0x[^pP]+$/i.test(literal);
  if (isHexInt || !/[.eEpP]/.test(literal)) {
    const int = readInt(literal);
    if (int === undefined) return { fault: `illegal number syntax: ${JSON.stringify(literal)}` };
    if (int > MAX_UINT || int < -MAX_INT - 1n) return { fault: `integer overflow: ${literal}` };
    return int > MAX_INT ? { fault: `${literal} overflows int` } : int;
  }
  return readFloat(literal) ?? { fault: `illegal number syntax: ${JSON.stringify(literal)}` };
}

/** Digits, underscores between them or after a prefix. */
const INT =
  /^([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/;

function readInt(literal: string): bigint | undefined {
  const match = INT.exec(literal.replace(/^([+-]?)0$/, '$10'));
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const digits = (hex ?? binary ?? octal ?? decimal)!.replaceAll('_', '');
  const prefix =
    hex !== undefined ? '0x' : binary !== undefined ? '0b' : octal === undefined ? '' : '0o';
  const value = BigInt(`${prefix}${digits}`);
  return sign === '-' ? -value : value;
}

const DECIMAL = /^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/;
const HEXADECIMAL =
  /^([+-]?)0[xX]((?:_?[0-9a-fA-F])*)(?:\.([0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?[pP]([+-]?\d(?:_?\d)*)$/;

function readFloat(literal: string): number | undefined {
  if (DECIMAL.test(literal)) {
    const value = Number(literal.replaceAll('_', ''));
    return Number.isFinite(value) ? value : undefined;
  }
  const match = HEXADECIMAL.exec(literal);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent] = match;
  const places = fraction.replaceAll('_', '');
  const digits = whole.replaceAll('_', '') + places;
  if (digits === '') return undefined;
  const scale = Number(exponent?.replaceAll('_', '')) - 4 * places.length;
  const value = Number(BigInt(`0x${digits}`)) * 2 ** scale;
  if (!Number.isFinite(value)) return undefined;
  return sign === '-' ? -value : value;
}
