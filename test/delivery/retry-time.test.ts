import { describe, expect, it } from '@jest/globals';
import { RetryTime } from '../../src/delivery/retry-time.js';
import { fakeClock } from '../support/fake-clock.js';

/** One whose waits are the longest that chance allows: 1, 2, 4 … 30 s. */
function longest() {
  const clock = fakeClock();
  const backoff = { initialMs: 1000, maxMs: 30_000, factor: 2 };
  return { clock, time: new RetryTime({ backoff, clock, random: () => 1 }) };
}

describe('the time of the next try', () => {
  it('is now, where nothing has failed', () => {
    const { clock, time } = longest();
    expect(time.at).toBeLessThanOrEqual(clock.monotonic());
    expect(time.isFailing).toBe(false);
  });

  it('moves on with each failure in a row, counted from that failure', () => {
    const { clock, time } = longest();
    time.fail();
    expect(time.at).toBe(1000);
    clock.advance(1500);
    time.fail();
    expect(time.at).toBe(3500);
    expect(time.isFailing).toBe(true);
  });

  it('begins anew once it works, without ending a wait under way', () => {
    const { time } = longest();
    time.fail();
    time.fail();
    time.succeed();
    expect([time.at, time.isFailing]).toEqual([2000, false]);
    time.fail();
    expect(time.at).toBe(1000);
  });

  it('is now where something else is tried next', () => {
    const { clock, time } = longest();
    time.fail({ askedMs: 5000 });
    clock.advance(10);
    time.renew();
    expect([time.at, time.isFailing]).toEqual([10, false]);
  });

  it('is as late as the far side asks for, and as our own reasons ask for', () => {
    const { time } = longest();
    time.fail({ askedMs: 7000, pauseMs: 3000 });
    expect(time.at).toBe(7000);
    time.fail({ askedMs: 0, pauseMs: 9000 });
    expect(time.at).toBe(9000);
  });

  it('comes at once for one in a hurry, but not before the far side wants it', () => {
    const { time } = longest();
    time.fail({ askedMs: 500, pauseMs: 3000 });
    time.hurry();
    expect(time.at).toBe(500);
    time.fail({ askedMs: 0 });
    time.hurry();
    expect(time.at).toBe(0);
  });

  it('can be bounded from both sides', () => {
    const { time } = longest();
    time.fail();
    time.notBefore(4000);
    expect(time.at).toBe(4000);
    time.notAfter(200);
    expect(time.at).toBe(200);
  });

  it('is forked with its wait for something that counts its own failures', () => {
    const { time } = longest();
    time.fail({ askedMs: 5000 });
    const fork = time.fork(4);
    fork.hurry();
    expect(fork.at).toBe(5000);
    fork.fail({ askedMs: 0 });
    expect([fork.at, time.at]).toEqual([16_000, 5000]);
  });
});
