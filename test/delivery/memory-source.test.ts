import { describe, expect, it } from '@jest/globals';
import { MemoryPositions, MemorySource } from '../../src/delivery/memory-source.js';
import { numbered, range } from './lane-rig.js';

function filled(count: number, bytes = 10): MemorySource {
  const source = new MemorySource();
  for (const number of range(1, count)) source.append(numbered(number), bytes);
  return source;
}

const sequences = async (records: ReturnType<ReturnType<MemorySource['reader']>['read']>) =>
  (await records).map(({ sequence }) => sequence);

describe('a source in memory', () => {
  it('numbers records from one and has no stream', () => {
    const source = new MemorySource();
    expect([source.append(numbered(1), 5), source.append(numbered(2), 5)]).toEqual([1, 2]);
    expect([source.deliverable, source.stream, source.bytes]).toEqual([2, undefined, 10]);
  });

  it('reads in order, within bounds, and a large first record alone', async () => {
    const source = filled(5);
    source.append(numbered(6), 500);
    const reader = source.reader();
    expect(await sequences(reader.read(2, { count: 3, bytes: 1000 }))).toEqual([2, 3, 4]);
    expect(await sequences(reader.read(2, { count: 9, bytes: 25 }))).toEqual([2, 3]);
    expect(await sequences(reader.read(6, { count: 9, bytes: 25 }))).toEqual([6]);
    expect(await sequences(reader.read(7, { count: 9, bytes: 25 }))).toEqual([]);
  });

  it('takes no more than its bound, and again once every reader has released', async () => {
    const source = new MemorySource(100);
    const [fast, slow] = [source.reader(), source.reader()];
    for (const number of range(1, 10)) expect(source.append(numbered(number), 10)).toBe(number);
    expect(source.append(numbered(11), 1)).toBeUndefined();
    fast.release(10);
    expect(source.append(numbered(11), 1)).toBeUndefined();
    slow.release(4);
    expect(source.bytes).toBe(60);
    expect(source.append(numbered(11), 40)).toBe(11);
    expect(await sequences(slow.read(5, { count: 9, bytes: 999 }))).toEqual(range(5, 11));
    await slow.close();
    expect(source.bytes).toBe(40); // nobody is left who needs the first ten
  });

  it('keeps order over many rounds of releasing', async () => {
    const source = new MemorySource(1000);
    const reader = source.reader();
    let next = 1;
    for (let round = 0; round < 200; round += 1) {
      for (let i = 0; i <= round % 7; i += 1) source.append(numbered(0), 10);
      const found = await sequences(reader.read(next, { count: 3 + (round % 4), bytes: 1000 }));
      expect(found).toEqual(range(next, next + found.length - 1));
      next += found.length;
      reader.release(next - 1);
      expect(source.bytes).toBe((source.deliverable - next + 1) * 10);
    }
    expect(next).toBeGreaterThan(500);
  });

  it('hides from a reader nothing that another has not released', async () => {
    const source = filled(3);
    const first = source.reader();
    first.release(2);
    const second = source.reader();
    expect(await sequences(second.read(3, { count: 9, bytes: 99 }))).toEqual([3]);
  });

  it('tells of growth when it is announced, until that is ended', () => {
    const source = new MemorySource();
    let calls = 0;
    const end = source.onGrowth(() => {
      calls += 1;
    });
    source.append(numbered(1), 1);
    expect(calls).toBe(0);
    source.announce();
    end();
    source.announce();
    expect(calls).toBe(1);
  });
});

describe('a position in memory', () => {
  it('is the last one saved', async () => {
    const positions = new MemoryPositions();
    expect(positions.position).toEqual({ acknowledged: 0, waiting: [] });
    await positions.save({ acknowledged: 4, waiting: [2] });
    expect(positions.position).toEqual({ acknowledged: 4, waiting: [2] });
  });
});
