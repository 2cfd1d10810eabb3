import { isTimestamp } from '../../event/timestamp.js';

/** Seconds since 1970, negative before it, and nanoseconds after them, as a protobuf Timestamp has a time. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/**
 * The instant of an RFC 3339 time, digits finer than a nanosecond left out.
 *
 * @throws {RangeError} for what is none, and for a time before the year 1 or after 9999
 * @see https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp
 */
export function toInstant(text: string): Instant {
  if (!isTimestamp(text)) throw new RangeError('its timestamp is no RFC 3339 time');
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const zone = /[+-]\d\d:\d\d$/.exec(text)?.[0] ?? 'Z';
  // Date knows no leap second: it is one more than the second before it.
  const leap = text.startsWith('60', 17);
  const whole = `${text.slice(0, 17)}${leap ? '59' : text.slice(17, 19)}${zone}`.toUpperCase();
  const seconds = Date.parse(whole) / 1000 + (leap ? 1 : 0);
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) {
    throw new RangeError('its timestamp is not between the years 1 and 9999');
  }
  return { seconds, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}

const MIN_SECONDS = Date.parse('0001-01-01T00:00:00Z') / 1000;
const MAX_SECONDS = Date.parse('9999-12-31T23:59:59Z') / 1000;

let lastText = '';
let lastSaysMore = true;

/** Whether the text says more than an instant in milliseconds or in nanoseconds does. */
export function saysMore(text: string): boolean {
  // Events come in bursts, and those of a millisecond have the same time.
  if (text !== lastText) {
    lastSaysMore = !PLAIN.test(text);
    lastText = text;
  }
  return lastSaysMore;
}

/** In UTC, with three or nine digits, no leap second. */
const PLAIN = /T\d\d:\d\d:[0-5]\d\.(?:\d{3}|\d{8}[1-9])Z$/;
