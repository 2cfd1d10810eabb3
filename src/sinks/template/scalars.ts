import { formatFloat } from './floats.js';
import { canBackquote, isPrintable, quoteGo } from './quoting.js';

// One scalar by one verb of Go's fmt package, padding included. Each function returns undefined for a
// verb that does not fit.

/** The flags, width and precision of a verb, by the names of Go's fmt package. */
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

export function formatBool(value: boolean, verb: string, flags: Flags): string | undefined {
  return verb === 't' || verb === 'v' ? pad(String(value), flags) : undefined;
}

/** A JSON number that float64 would alter: its own digits where all of them are asked for. */
export function formatExact(text: string, verb: string, flags: Flags): string | undefined {
  const wantsAll = verb === 'v' || verb === 'g' || verb === 'G';
  return wantsAll && flags.precision === undefined
    ? padNumber(text, flags)
    : formatNumber(Number(text), verb, flags);
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

/** A float64. */
export function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  const format = FLOAT_FORMATS[verb];
  if (format === undefined) return undefined;
  const precision = flags.precision ?? ('efE'.includes(format) ? 6 : -1);
  const text = formatFloat(value, format, precision);
  const keepsPoint = flags.sharp && format !== 'b';
  return padNumber(keepsPoint ? withPoint(text, format, precision) : text, flags);
}

/** `%#g` keeps the point and trailing zeros. */
function withPoint(text: string, format: string, precision: number): string {
  const [, sign = '', body = '', tail = ''] =
    /^([-+]?)(0[xX][0-9a-fA-F.]*|[0-9.]*)(.*)$/.exec(text) ?? [];
  const significant = body.replace('.', '').replace(/^0+/, '');
  const wanted = 'gGx'.includes(format) ? (precision < 0 ? 6 : precision) : 0;
  const missing = Math.max(wanted - significant.length - (body === '0' ? 1 : 0), 0);
  return `${sign}${body}${body.includes('.') ? '' : '.'}${'0'.repeat(missing)}${tail}`;
}

/** A number with its sign; zeros go between sign and digits. */
function padNumber(text: string, flags: Flags): string {
  const isNegative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '');
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  if (digits === 'Inf') return pad((sign || '+') + digits, { ...flags, zero: false });
  const { width = 0 } = flags;
  if (sign !== '' && flags.zero && !flags.minus && width > digits.length + 1) {
    return sign + digits.padStart(width - 1, '0');
  }
  return pad(sign + digits, flags);
}

/** An int, or a uint8 that has no sign. */
export function formatInt(
  value: bigint,
  isSigned: boolean,
  verb: string,
  flags: Flags,
): string | undefined {
  switch (verb) {
    case 'v':
      return flags.sharpV && !isSigned ? `0x${value.toString(16)}` : formatDigits(value, 10, flags);
    case 'd':
      return formatDigits(value, 10, flags);
    case 'b':
      return formatDigits(value, 2, flags);
    case 'o':
      return formatDigits(value, 8, flags);
    case 'O':
      return formatDigits(value, 8, flags, '0o');
    case 'x':
      return formatDigits(value, 16, flags);
    case 'X':
      return formatDigits(value, 16, flags).toUpperCase();
    case 'c':
      return pad(characterOf(value), flags);
    case 'q':
      return pad(quoteGo(characterOf(value), "'", flags.plus), flags);
    case 'U':
      return formatUnicode(BigInt.asUintN(64, value), flags);
    default:
      return undefined;
  }
}

function formatDigits(value: bigint, base: 2 | 8 | 10 | 16, flags: Flags, prefix = ''): string {
  const unpadded = { ...flags, zero: false };
  if (flags.precision === 0 && value === 0n) return pad('', unpadded);
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const isFilled = flags.precision === undefined && flags.zero && !flags.minus;
  const least = isFilled ? (flags.width ?? 0) - sign.length : (flags.precision ?? 0);
  const magnitude = value < 0n ? -value : value;
  const digits = magnitude.toString(base).padStart(Math.max(least, 0), '0');
  return pad(`${sign}${prefix}${flags.sharp ? basePrefix(base, digits) : ''}${digits}`, unpadded);
}

function basePrefix(base: number, digits: string): string {
  if (base === 2) return '0b';
  if (base === 16) return '0x';
  return base === 8 && !digits.startsWith('0') ? '0' : '';
}

function formatUnicode(value: bigint, flags: Flags): string {
  const { precision = 0, sharp } = flags;
  const digits = value.toString(16).toUpperCase().padStart(Math.max(4, precision), '0');
  const character = value <= 0x10ffffn ? characterOf(value) : '';
  const shown = sharp && isPrintable(character) ? ` '${character}'` : '';
  return pad(`U+${digits}${shown}`, { ...flags, zero: false });
}

/** The character of a code point; U+FFFD where there is none. */
function characterOf(value: bigint): string {
  const code = value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd;
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);
}

export function formatString(text: string, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case 'v':
      return pad(flags.sharpV ? quoteCut(text, flags) : cut(text, flags), flags);
    case 's':
      return pad(cut(text, flags), flags);
    case 'q':
      return pad(quoteCut(text, flags), flags);
    case 'x':
      return pad(bytesOf(text, flags), flags);
    case 'X':
      return pad(bytesOf(text, flags).toUpperCase(), flags);
    default:
      return undefined;
  }
}

function quoteCut(text: string, flags: Flags): string {
  const shown = cut(text, flags);
  return flags.sharp && canBackquote(shown) ? `\`${shown}\`` : quoteGo(shown, '"', flags.plus);
}

/** The precision of a string counts its characters. */
function cut(text: string, { precision }: Flags): string {
  if (precision === undefined || text.length <= precision) return text;
  return Array.from(text).slice(0, precision).join('');
}

function bytesOf(text: string, { precision, sharp, space }: Flags): string {
  const bytes = Buffer.from(text).subarray(0, precision);
  if (bytes.length === 0) return '';
  const prefix = sharp ? '0x' : '';
  if (!space) return prefix + bytes.toString('hex');
  return Array.from(bytes, (byte) => prefix + byte.toString(16).padStart(2, '0')).join(' ');
}

/** Fills up to the width, which counts characters. */
export function pad(text: string, { width = 0, minus, zero }: Flags): string {
  if (width === 0) return text;
  const missing = Math.max(width - countCharacters(text), 0);
  return minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text;
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
