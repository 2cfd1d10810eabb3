import { describe, expect, it } from '@jest/globals';
import { Sleep } from '../../src/delivery/sleep.js';
import { fakeClock } from '../support/fake-clock.js';

/** Falls asleep, and says whether it is awake again. */
function asleep(at: number, isHungry = false) {
  const clock = fakeClock();
  const sleep = new Sleep(clock);
  let awake = false;
  void sleep.until(at, isHungry).then(() => {
    awake = true;
  });
  const isAwake = () => new Promise((resolve) => setImmediate(() => resolve(awake)));
  return { clock, sleep, isAwake };
}

describe('sleep', () => {
  it('ends at its moment, never before it', async () => {
    const { clock, isAwake } = asleep(100.5);
    clock.advance(100);
    expect(await isAwake()).toBe(false);
    clock.advance(1);
    expect(await isAwake()).toBe(true);
  });

  it('ends when it is woken, and leaves no timer', async () => {
    const { clock, sleep, isAwake } = asleep(100);
    sleep.wake();
    expect(await isAwake()).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  it('is ended by news of more records only while it is for want of them', async () => {
    const full = asleep(100);
    full.sleep.feed();
    expect(await full.isAwake()).toBe(false);
    const hungry = asleep(100, true);
    hungry.sleep.feed();
    expect(await hungry.isAwake()).toBe(true);
  });

  it('without an end needs no timer', async () => {
    const { clock, sleep, isAwake } = asleep(Number.POSITIVE_INFINITY, true);
    expect(clock.waiting).toBe(0);
    clock.advance(1e9);
    expect(await isAwake()).toBe(false);
    sleep.feed();
    expect(await isAwake()).toBe(true);
  });

  it('longer than a timer can be ends early: whoever sleeps looks again', async () => {
    const { clock, isAwake } = asleep(2 ** 40);
    clock.advance(2 ** 31);
    expect(await isAwake()).toBe(true);
  });

  it('is not disturbed by a wake-up that came before it', async () => {
    const clock = fakeClock();
    const sleep = new Sleep(clock);
    sleep.wake();
    let isAwake = false;
    void sleep.until(100, true).then(() => {
      isAwake = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAwake).toBe(false);
  });
});
