import { describe, expect, it } from '@jest/globals';
import { Expiry } from '../../src/delivery/expiry.js';

const MINUTE_MS = 60_000;

describe('events that keep failing', () => {
  it('never expire with a ledger, however long an attempt hangs', () => {
    const expiry = new Expiry({ hasLedger: true, maxElapsedMs: MINUTE_MS, timeoutMs: 1000 });
    expect(expiry.of(5)).toBe(Number.POSITIVE_INFINITY);
    expect(expiry.hungAfterMs(5, 10)).toBe(Number.POSITIVE_INFINITY);
  });

  it('expire without one so long after they failed first', () => {
    const expiry = new Expiry({ hasLedger: false, maxElapsedMs: MINUTE_MS, timeoutMs: 1000 });
    expect(expiry.of(5)).toBe(MINUTE_MS + 5);
    expect(expiry.of(undefined)).toBe(Number.POSITIVE_INFINITY); // they have not failed yet
  });

  it('leave a hung attempt what is left of that, and a second beyond its deadline at least', () => {
    const expiry = new Expiry({ hasLedger: false, maxElapsedMs: MINUTE_MS, timeoutMs: 1000 });
    expect(expiry.hungAfterMs(undefined, 10)).toBe(MINUTE_MS);
    expect(expiry.hungAfterMs(10, 20_010)).toBe(40_000);
    expect(expiry.hungAfterMs(10, MINUTE_MS + 10)).toBe(2000);
  });

  it('without a ledger but with all the time in the world wait too', () => {
    const maxElapsedMs = Number.POSITIVE_INFINITY;
    const expiry = new Expiry({ hasLedger: false, maxElapsedMs, timeoutMs: 1000 });
    expect(expiry.of(5)).toBe(Number.POSITIVE_INFINITY);
    expect(expiry.hungAfterMs(5, 10)).toBe(Number.POSITIVE_INFINITY);
  });
});
