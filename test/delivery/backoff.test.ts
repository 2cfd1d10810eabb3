import { describe, expect, it } from '@jest/globals';
import { askedMs, backoffMs } from '../../src/delivery/backoff.js';

const backoff = { initialMs: 1000, maxMs: 30_000, factor: 2 };

describe('backoff', () => {
  it('doubles from one second to thirty', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 5000].map((n) => backoffMs(n, backoff, () => 1));
    expect(bounds).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('leaves all but a millisecond to chance', () => {
    expect([0, 0.25, 0.999].map((r) => backoffMs(3, backoff, () => r))).toEqual([1, 1000, 3996]);
  });

  it.each([Number.NaN, -1, 2, Number.POSITIVE_INFINITY, undefined])(
    'waits the longest where chance is %p',
    (value) => {
      expect(backoffMs(2, backoff, () => value as number)).toBe(2000);
    },
  );

  it('waits the longest where chance throws', () => {
    const broken = () => {
      throw new Error('no entropy');
    };
    expect(backoffMs(2, backoff, broken)).toBe(2000);
  });
});

describe('a wait that the far side asks for', () => {
  it.each([
    [1500, 1500],
    [3_600_000, 3_600_000],
    [3_600_001, 3_600_000],
    [Number.POSITIVE_INFINITY, 3_600_000],
    [0, 0],
    [-5, 0],
    [Number.NaN, 0],
    ['60', 0],
    [undefined, 0],
  ])('of %p ms is heeded for %p', (asked, heeded) => {
    expect(askedMs(asked)).toBe(heeded);
  });
});
