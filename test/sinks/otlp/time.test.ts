import { describe, expect, it } from '@jest/globals';
import { saysMore, toHrTime } from '../../../src/sinks/otlp/time.js';

describe('an RFC 3339 time as seconds and nanoseconds', () => {
  it.each([
    ['2026-01-31T12:00:00.123Z', [1769860800, 123_000_000]],
    ['2026-01-31T12:00:00Z', [1769860800, 0]],
    ['2026-01-31t12:00:00.5z', [1769860800, 500_000_000]],
    ['2026-01-31T12:00:00.123456789Z', [1769860800, 123_456_789]],
    ['2026-01-31T13:30:00.000001+01:30', [1769860800, 1000]],
    ['2016-12-31T23:59:60Z', [1483228800, 0]],
    ['1970-01-01T00:00:00.000Z', [0, 0]],
  ])('%s', (text, time) => {
    expect(toHrTime(text)).toEqual(time);
    expect(toHrTime(text)).toEqual(time); // remembered
  });

  it.each([
    '1969-12-31T23:59:59.999Z',
    '2600-01-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '31 January 2026',
    '',
  ])('%s is none', (text) => {
    expect(toHrTime(text)).toBeUndefined();
  });

  it('tells a text that says more than the instant', () => {
    const more = [
      '2026-01-31T12:00:00+02:00',
      '2016-12-31T23:59:60Z',
      '2026-01-31T12:00:00.1234567891Z',
    ];
    const instants = ['2026-01-31T12:00:00.123456789Z', '2026-01-31T12:00:00Z'];
    expect(more.map(saysMore)).toEqual([true, true, true]);
    expect(instants.map(saysMore)).toEqual([false, false]);
  });
});
