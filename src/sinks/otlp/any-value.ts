/** JSON in values that OpenTelemetry's serializers turn into an AnyValue. */
export interface AnyValue {
  readonly value: unknown;
  /** Whether printing the value gives the text again, character by character. */
  readonly exact: boolean;
}

/**
 * Reads JSON so that nothing in it changes unseen. A number stays one where a double holds it exactly as
 * it is written; any other travels as its text, and so does an integer beyond 2^53, for the serializers
 * take doubles, and the type of a field must not hang on the last digits of its value.
 */
export function readAnyValue(text: string): AnyValue {
  const carried = DOUBTFUL.test(text) ? text.replace(TOKENS, carry) : text;
  const value: unknown = JSON.parse(carried);
  // A lone surrogate prints as itself, and is lost in UTF-8 all the same.
  const exact = carried === text && !/\\ud/i.test(text) && JSON.stringify(value) === text;
  return { value, exact };
}

/** Numbers of 16 digits or with an exponent. Fewer digits than that a double always holds. */
const DOUBTFUL = /(?:^|[\s:,[])-?(?:[\d.]{16}|[\d.]+e)/i;

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi;

function carry(token: string): string {
  return token.startsWith('"') || isHeld(token) ? token : `"${token}"`;
}

function isHeld(token: string): boolean {
  const number = Number(token);
  if (Number.isInteger(number)) {
    return Number.isSafeInteger(number) && isSameDecimal(token, String(number));
  }
  return Number.isFinite(number) && isSameDecimal(token, String(number));
}

function isSameDecimal(a: string, b: string): boolean {
  return decimalOf(a) === decimalOf(b);
}

/** A number's digits without zeros round them, and where they stand: `1.50` and `15e-1` are one. */
function decimalOf(token: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(token)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const shift = BigInt(exponent) - BigInt(fraction.length - (digits.length - significant.length));
  return `${sign}${significant}e${shift}`;
}
