import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IdIndex } from '../../src/ledger/id-index.js';

describe('the index of ids', () => {
  it('finds what a Map finds, and forgets what is as old as its capacity', () => {
    // Few different ids: many of them come again, and their hashes meet in a small table.
    const ids = fc.array(fc.oneof(fc.nat(40).map(String), fc.string({ maxLength: 2 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 17 }), ids, (capacity, given) => {
        const index = new IdIndex(capacity);
        const model = new Map<number, string>();
        given.forEach((id, at) => {
          const sequence = at + 1;
          index.add(id, sequence);
          index.setOffset(sequence, sequence * 10);
          model.set(sequence, id);
          model.delete(sequence - capacity);
          expect(index.size).toBe(model.size);
          for (const known of new Set([...model.values(), given[0]!])) {
            const expected = [...model].filter(([, other]) => other === known).map(([n]) => n);
            expect(index.find(known)).toEqual(expected.reverse());
            expect(index.has(known)).toBe(expected.length > 0);
          }
          expect(index.offsetOf(sequence)).toBe(sequence * 10);
          expect(index.offsetOf(sequence - capacity)).toBeUndefined();
        });
      }),
      { numRuns: 200 },
    );
  });

  it('takes records in any order within its capacity, as opening does', () => {
    const orders = fc.shuffledSubarray([...Array(50).keys()].map((n) => n + 1));
    fc.assert(
      fc.property(orders, (order) => {
        const index = new IdIndex(50);
        for (const sequence of order) index.add(`id-${sequence % 7}`, sequence);
        for (let n = 0; n < 7; n += 1) {
          const expected = order.filter((sequence) => sequence % 7 === n).sort((a, b) => b - a);
          expect(index.find(`id-${n}`)).toEqual(expected);
        }
      }),
    );
  });

  it('lets another id take the place of a record that a repair cut off', () => {
    const index = new IdIndex(4);
    index.add('torn', 3);
    index.add('new', 3);
    expect([index.find('torn'), index.find('new'), index.size]).toEqual([[], [3], 1]);
  });

  it('holds far more than its capacity has seen', () => {
    const index = new IdIndex(1000);
    for (let n = 1; n <= 50_000; n += 1) index.add(`id-${n}`, n);
    expect(index.size).toBe(1000);
    expect(index.find('id-49000')).toEqual([]);
    expect(index.find('id-49001')).toEqual([49_001]);
    expect(index.find('id-50000')).toEqual([50_000]);
  });
});
