import { isTimestamp } from '../../event/timestamp.js';

/** Seconds since 1970 and nanoseconds, as OpenTelemetry has a time. */
export type HrTime = [seconds: number, nanos: number];

const MS_LENGTH = '2026-01-31T12:00:00.000Z'.length;
/** OTLP counts the nanoseconds since 1970 in 64 bits. */
const MAX_SECONDS = Math.floor(2 ** 64 / 1e9) - 1;

let lastText = '';
let lastTime: HrTime | undefined;

/** The instant of an RFC 3339 time, to the nanosecond; undefined for none and for what OTLP cannot say. */
export function toHrTime(text: string): HrTime | undefined {
  if (text !== lastText) {
    lastTime = isTimestamp(text) ? parse(text) : undefined;
    lastText = text;
  }
  return lastTime;
}

function parse(text: string): HrTime | undefined {
  if (text.length === MS_LENGTH && text.endsWith('Z')) {
    const ms = Date.parse(text);
    if (ms >= 0) return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
  }
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const zone = /[+-]\d\d:\d\d$/.exec(text)?.[0] ?? 'Z';
  // Date knows no leap second: it is one more than the second before it.
  const leap = isLeapSecond(text);
  const whole = `${text.slice(0, 17)}${leap ? '59' : text.slice(17, 19)}${zone}`.toUpperCase();
  const seconds = Date.parse(whole) / 1000 + (leap ? 1 : 0);
  if (!(seconds >= 0 && seconds <= MAX_SECONDS)) return undefined;
  return [seconds, Number(fraction.slice(0, 9).padEnd(9, '0'))];
}

/** Whether the text says more than an instant in nanoseconds does: a zone, a leap second, finer digits. */
export function saysMore(text: string): boolean {
  return !/Z$/i.test(text) || isLeapSecond(text) || /\.\d{10}/.test(text);
}

function isLeapSecond(text: string): boolean {
  return text.startsWith('60', 17);
}

/** The seconds from one time to the other. */
export function secondsBetween(from: HrTime, to: HrTime): number {
  return to[0] - from[0] + (to[1] - from[1]) / 1e9;
}
