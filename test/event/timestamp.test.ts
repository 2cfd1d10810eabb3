import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatTimestamp, isTimestamp, normalizeTimestamp } from '../../src/event/timestamp.js';

describe('a timestamp', () => {
  it.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.5Z', '2026-01-31T12:00:00.500Z'],
    ['2026-01-31T12:00:00.123456789Z', '2026-01-31T12:00:00.123456789Z'],
    ['2026-01-31t12:00:00z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00+02:00', '2026-01-31T10:00:00.000Z'],
    ['2026-01-31T23:30:00.25-05:30', '2026-02-01T05:00:00.250Z'],
    ['2026-01-31T12:00:00-00:00', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.1234567+02:00', '2026-01-31T10:00:00.1234567Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:60.000Z'],
    ['2017-01-01T01:59:60.5+02:00', '2016-12-31T23:59:60.500Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is recorded as %s', (given, recorded) => {
    expect(isTimestamp(given)).toBe(true);
    expect(normalizeTimestamp(given)).toBe(recorded);
    expect(isTimestamp(recorded)).toBe(true);
  });

  it('is kept as given where its offset leads out of the years that RFC 3339 knows', () => {
    expect(normalizeTimestamp('0000-01-01T00:00:00+01:00')).toBe('0000-01-01T00:00:00+01:00');
  });

  it.each([
    '',
    'now',
    '2026-01-31',
    '2026-01-31T12:00Z',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '1900-02-29T12:00:00Z',
    '2026-04-31T12:00:00Z',
    '2026-00-10T12:00:00Z',
    '2026-13-10T12:00:00Z',
    '2026-01-00T12:00:00Z',
    '2026-01-32T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:61Z',
    '2026-01-31T12:00:00.Z',
    '2026-01-31T12:00:00+24:00',
    '2026-01-31T12:00:00+0200',
    '+02026-01-31T12:00:00Z',
    '2026-01-31T12:00:00Z\n',
    '２026-01-31T12:00:00Z',
  ])('%j is refused', (text) => {
    expect(isTimestamp(text)).toBe(false);
    expect(() => normalizeTimestamp(text)).toThrow('timestamp must be a valid Date or an RFC 3339');
  });

  it('of a Date is in UTC with milliseconds', () => {
    expect(normalizeTimestamp(new Date(1_769_860_800_007))).toBe('2026-01-31T12:00:00.007Z');
  });

  it('of another millisecond is another text', () => {
    expect([1, 1, 2, 1].map(formatTimestamp)).toEqual([
      '1970-01-01T00:00:00.001Z',
      '1970-01-01T00:00:00.001Z',
      '1970-01-01T00:00:00.002Z',
      '1970-01-01T00:00:00.001Z',
    ]);
  });

  it('of any millisecond is what a Date says, whichever came before', () => {
    const near = fc
      .tuple(fc.integer({ min: -8.64e12, max: 8.64e12 }), fc.integer({ min: -1500, max: 1500 }))
      .map(([second, offset]) => second * 1000 + offset);
    const any = fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.oneof(near, any), { minLength: 1 }), (times) => {
        const valid = times.filter((time) => Math.abs(time) <= 8.64e15);
        expect(valid.map(formatTimestamp)).toEqual(
          valid.map((time) => new Date(time).toISOString()),
        );
      }),
    );
  });

  it('of no time there is none', () => {
    formatTimestamp(0);
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => formatTimestamp(time)).toThrow(RangeError);
    }
  });
});
