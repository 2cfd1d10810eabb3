import { describe, expect, it } from '@jest/globals';
import { fliptMilliseconds, parseDuration, parseSize } from '../../src/config/duration.js';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['1ns', 0.000_001],
    ['+5s', 5000],
    ['-5s', -5000],
    ['1h1m1s1ms', 3_661_001],
  ])('%s is %p ms, as in Go', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each(['', '5', 's', '5 s', '5x', '5sx', '1d', '.s', '--5s', `${'1s'.repeat(40)}`, '5S'])(
    'is none: %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('may count days where Go is not asked', () => {
    expect(parseDuration('400d', { days: true })).toBe(400 * 86_400_000);
    expect(parseDuration('1d12h', { days: true })).toBe(129_600_000);
  });

  it('of Flipt’s is nanoseconds where it is a number', () => {
    expect(fliptMilliseconds(120_000_000_000)).toBe(120_000);
    expect(fliptMilliseconds('2m')).toBe(120_000);
  });
});

describe('a size', () => {
  it.each([
    ['10', 10],
    ['10b', 10],
    ['64KiB', 65_536],
    ['64 kib', 65_536],
    ['1.5MiB', 1_572_864],
    ['10GB', 10_000_000_000],
    ['1TiB', 2 ** 40],
  ])('%s is %p bytes', (text, count) => {
    expect(parseSize(text)).toBe(count);
  });

  it.each(['', 'KiB', '-1', '1e3', '10 k', '10KiBs', '1,5MiB'])('is none: %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});
