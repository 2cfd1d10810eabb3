/** JSON in values that OpenTelemetry's serializers turn into an AnyValue. */
export interface AnyValue {
  /** The JSON itself. */
  readonly text: string;
  readonly value: unknown;
  /** Whether every number and every string is still what the text says. */
  readonly exact: boolean;
}

/**
 * Reads JSON so that nothing in it changes unseen. A number stays one where a double holds it exactly as
 * it is written; any other travels as its text, and so does an integer beyond 2^53, for the serializers
 * take doubles, and the type of a field must not hang on the last digits of its value. Of members with one
 * key the last counts, as for any reader of JSON.
 */
export function readAnyValue(text: string): AnyValue {
  let exact = !text.includes('\\u') || !/\\ud/i.test(text); // half a character is lost in UTF-8
  if (!DOUBTFUL.test(text)) return { text, value: JSON.parse(text), exact };
  const carried = text.replace(TOKENS, (token) => {
    if (token.startsWith('"')) return token;
    if (token !== String(Number(token))) exact = false;
    if (isHeld(token)) return token;
    exact = false;
    return `"${token}"`;
  });
  return { text, value: JSON.parse(carried), exact };
}

/**
 * Finds every number that JavaScript may print otherwise: 16 digits or more, an exponent, a fraction that
 * ends in zero, a negative zero. Finds too much in strings, where the tokens then tell.
 */
const DOUBTFUL = /(?:^|[\s:,[])(?:-0|-?(?:[\d.]{16}|\d+(?:\.\d*0(?!\d)|(?:\.\d+)?[eE])))/;

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Whether a double holds the number as it is written, and an integer of the protocol too. */
function isHeld(token: string): boolean {
  const number = Number(token);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) return false;
  return Number.isFinite(number) && decimalOf(token) === decimalOf(String(number));
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
