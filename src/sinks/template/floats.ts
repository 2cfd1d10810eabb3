// float64 as Go's strconv.FormatFloat writes it. JavaScript's own toFixed and toExponential round ties
// away from zero and stop at 100 digits.

/** `format` is one of Go's: b e E f g G x X; `precision` -1 means as many digits as are needed. */
export function formatFloat(value: number, format: string, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const magnitude = Math.abs(value);
  switch (format) {
    case 'b':
      return sign + formatBinary(magnitude);
    case 'x':
      return sign + formatHexadecimal(magnitude, precision);
    case 'X':
      return (sign + formatHexadecimal(magnitude, precision)).toUpperCase();
    case 'f':
      return sign + formatFixed(decimalOf(magnitude, 'f', precision), precision);
    case 'e':
    case 'E':
      return sign + formatExponent(decimalOf(magnitude, 'e', precision), precision, format);
    default:
      return sign + formatGeneral(magnitude, format, precision);
  }
}

/** 0.d₁d₂d₃… × 10^point; no digits for zero. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

function decimalOf(value: number, format: 'e' | 'f' | 'g', precision: number): Decimal {
  if (value === 0) return { digits: '', point: 0 };
  if (precision < 0) return shortest(value);
  const exact = exactDecimal(value);
  const kept =
    format === 'f' ? exact.point + precision : format === 'e' ? precision + 1 : precision;
  return roundDecimal(exact, kept);
}

/** The fewest digits that lead back to the same float64. */
function shortest(value: number): Decimal {
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

/** Every digit of a float64, at most some 770. */
function exactDecimal(value: number): Decimal {
  const { mantissa, exponent } = partsOf(value);
  const whole = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = whole.toString();
  return { digits: digits.replace(/0+$/, ''), point: digits.length + Math.min(exponent, 0) };
}

/** Rounds to so many digits, half to even. */
function roundDecimal({ digits, point }: Decimal, kept: number): Decimal {
  if (kept >= digits.length) return { digits, point };
  if (kept < 0) return { digits: '', point: 0 };
  const head = digits.slice(0, kept);
  const tail = digits.slice(kept);
  const isOdd = kept > 0 && Number(head.at(-1)) % 2 === 1;
  const up = tail[0]! > '5' || (tail[0] === '5' && (tail.length > 1 || isOdd));
  if (!up) return { digits: head.replace(/0+$/, ''), point: head === '' ? 0 : point };
  const raised = (BigInt(`0${head}`) + 1n).toString();
  return { digits: raised.replace(/0+$/, ''), point: point + raised.length - kept };
}

function formatFixed({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  const places = precision < 0 ? fraction.length : precision;
  if (places === 0) return whole;
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`;
}

function formatExponent({ digits, point }: Decimal, precision: number, letter: string): string {
  const places = precision < 0 ? Math.max(digits.length - 1, 0) : precision;
  const fraction = places > 0 ? `.${digits.slice(1).padEnd(places, '0')}` : '';
  return `${digits[0] ?? '0'}${fraction}${exponentText(digits === '' ? 0 : point - 1, letter)}`;
}

function exponentText(exponent: number, letter: string): string {
  const magnitude = String(Math.abs(exponent)).padStart(2, '0');
  return `${letter}${exponent < 0 ? '-' : '+'}${magnitude}`;
}

function formatGeneral(value: number, format: string, given: number): string {
  const precision = given === 0 ? 1 : given;
  const decimal = decimalOf(value, 'g', precision);
  const { digits, point } = decimal;
  let limit = precision;
  if (limit > digits.length && digits.length >= point) limit = digits.length;
  if (precision < 0) limit = 6;
  const exponent = point - 1;
  if (exponent < -4 || exponent >= limit) {
    const shown = precision < 0 || precision > digits.length ? digits.length : precision;
    return formatExponent(decimal, Math.max(shown - 1, 0), format === 'G' ? 'E' : 'e');
  }
  return formatFixed(decimal, Math.max(digits.length - point, 0));
}

interface FloatParts {
  readonly mantissa: bigint;
  /** The value is mantissa × 2^exponent. */
  readonly exponent: number;
}

const view = new DataView(new ArrayBuffer(8));

function partsOf(value: number): FloatParts {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const fraction = bits & (2n ** 52n - 1n);
  const biased = Number((bits >> 52n) & 0x7ffn);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (2n ** 52n), exponent: biased - 1075 };
}

function formatBinary(value: number): string {
  const { mantissa, exponent } = partsOf(value);
  return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

function formatHexadecimal(value: number, precision: number): string {
  let { mantissa, exponent } = partsOf(value);
  if (mantissa === 0n) exponent = 0;
  else {
    while (mantissa < 2n ** 52n) {
      mantissa <<= 1n;
      exponent -= 1;
    }
    exponent += 52;
  }
  if (precision >= 0 && precision < 13) {
    const dropped = BigInt(4 * (13 - precision));
    const half = 2n ** (dropped - 1n);
    const rest = mantissa & (2n ** dropped - 1n);
    mantissa >>= dropped;
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa += 1n;
    mantissa <<= dropped;
    if (mantissa >= 2n ** 53n) {
      mantissa >>= 1n;
      exponent += 1;
    }
  }
  const hex = mantissa.toString(16).padStart(14, '0');
  const lead = mantissa === 0n ? '0' : '1';
  const fraction = mantissa === 0n ? '' : hex.slice(1).replace(/0+$/, '');
  const shown = precision < 0 ? fraction : fraction.slice(0, precision).padEnd(precision, '0');
  return `0x${lead}${shown === '' ? '' : `.${shown}`}${exponentText(exponent, 'p')}`;
}

/** A JSON number in one spelling for each value, so that two can be compared beyond 2^53. */
export function decimalKey(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  const significant = digits.replace(/0+$/, '');
  const scale =
    BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}

/** As Go's encoding/json prints it, which is JavaScript's way but for the sign of zero. */
export function printNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
