import { describe, expect, it } from '@jest/globals';
import { Deadlines } from '../../src/exporter/deadlines.js';
import { fakeClock } from '../support/fake-clock.js';

describe('deadlines of one length', () => {
  it('expire each at its own time, those that were cancelled never, with one timer', () => {
    const clock = fakeClock();
    const deadlines = new Deadlines(clock, 100);
    const expired: string[] = [];
    const add = (name: string) => deadlines.add({ expire: () => expired.push(name) });
    add('a');
    const b = add('b');
    clock.advance(50);
    add('c');
    const d = add('d');
    deadlines.cancel(b);
    deadlines.cancel(b);
    expect(clock.waiting).toBe(1);
    clock.advance(50);
    expect(expired).toEqual(['a']);
    deadlines.cancel(d);
    clock.advance(49);
    expect(expired).toEqual(['a']);
    clock.advance(1);
    expect(expired).toEqual(['a', 'c']);
    expect(clock.waiting).toBe(0);
    add('e');
    clock.advance(100);
    expect(expired).toEqual(['a', 'c', 'e']);
  });

  it('may be set and cancelled by one that expires', () => {
    const clock = fakeClock();
    const deadlines = new Deadlines(clock, 100);
    const expired: string[] = [];
    deadlines.add({
      expire: () => {
        expired.push('a');
        deadlines.cancel(b);
        deadlines.add({ expire: () => expired.push('c') });
      },
    });
    const b = deadlines.add({ expire: () => expired.push('b') });
    clock.advance(100);
    expect(expired).toEqual(['a']);
    clock.advance(100);
    expect(expired).toEqual(['a', 'c']);
  });

  it('come and go by the thousand behind one that stays', () => {
    const clock = fakeClock();
    const deadlines = new Deadlines(clock, 100);
    const expired: number[] = [];
    deadlines.add({ expire: () => expired.push(-1) });
    const kept = new Set([100, 5000, 9999]);
    for (let n = 0; n < 10_000; n += 1) {
      const deadline = deadlines.add({ expire: () => expired.push(n) });
      if (!kept.has(n)) deadlines.cancel(deadline);
    }
    clock.advance(100);
    expect(expired).toEqual([-1, ...kept]);
  });
});
