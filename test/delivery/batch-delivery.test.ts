import { describe, expect, it } from '@jest/globals';
import { BatchDelivery } from '../../src/delivery/batch-delivery.js';
import { newPiece } from '../../src/delivery/piece.js';
import { SinkError } from '../../src/sink.js';
import { laneParts, recordOf } from './lane-parts.js';
import { range } from './lane-rig.js';

/** The delivery of one batch, with its records from 1 on. */
function batchOf(count: number, { hasLedger = true } = {}) {
  const parts = laneParts({ hasLedger });
  const firsts: (number | undefined)[] = [];
  const progress = { update: () => void firsts.push(batch.first) };
  const batch: BatchDelivery = new BatchDelivery({ ...parts, progress });
  batch.begin([newPiece(range(1, count).map(recordOf))]);
  const sent: (readonly number[])[] = [];
  const answer = (act: (numbers: readonly number[]) => void) => {
    parts.state.answer = (numbers) => {
      sent.push(numbers);
      act(numbers);
    };
  };
  answer(() => {});
  const proceed = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      parts.clock.advance(Math.max(0, parts.retryTime.at - parts.clock.monotonic()));
      await batch.proceed();
    }
  };
  return { ...parts, batch, firsts, sent, answer, proceed };
}

const down = () => {
  throw new Error('down');
};

describe('a batch', () => {
  it('that is stored is done', async () => {
    const { batch, firsts, proceed } = batchOf(3);
    expect([batch.isDone, batch.first, batch.records.length]).toEqual([false, 1, 3]);
    await proceed(1);
    expect([batch.isDone, batch.first, firsts]).toEqual([true, undefined, [undefined]]);
  });

  it('waits ever longer while it fails, and is halved after five times', async () => {
    const { retryTime, sent, answer, proceed } = batchOf(4);
    answer(down);
    const waits: number[] = [];
    for (const _ of range(1, 5)) {
      await proceed(1);
      waits.push(retryTime.at);
    }
    expect(waits).toEqual([1000, 3000, 7000, 15_000, 31_000]);
    await proceed(1);
    expect(sent.at(-1)).toEqual([1, 2]);
  });

  it('whose sink is wrong is never halved', async () => {
    const { sent, answer, proceed } = batchOf(2);
    answer(() => {
      throw new SinkError('sink', 'bad token');
    });
    await proceed(20);
    expect(new Set(sent.map(String))).toEqual(new Set(['1,2']));
  });

  it('with an event that is refused is halved at once, down to that event', async () => {
    const { batch, clock, sent, told, answer, proceed } = batchOf(4);
    answer((numbers) => {
      if (numbers.includes(2)) throw new SinkError('event', 'too long');
    });
    while (!batch.isDone) await proceed(1);
    expect(sent).toEqual([[1, 2, 3, 4], [1, 2], [1], [2], [3, 4]]);
    expect(told.filter((line) => line.startsWith('dead'))).toEqual(['dead 2: too long']);
    expect(clock.monotonic()).toBe(0);
  });

  it('of one event that keeps failing sets it aside, unproven, with the wait that it has', async () => {
    const { aside, batch, answer, proceed } = batchOf(1);
    answer(down);
    await proceed(4);
    expect(aside.size).toBe(0);
    await proceed(1);
    expect([batch.isDone, aside.firstUnproven, aside.waiting]).toEqual([true, 1, []]);
    expect(aside.nextAt).toBe(31_000);
  });

  it('of one event that is set aside is kept in memory where no ledger has it', async () => {
    for (const hasLedger of [true, false]) {
      const { aside, answer, proceed } = batchOf(1, { hasLedger });
      answer(down);
      await proceed(5);
      expect(aside.records.map(({ sequence }) => sequence)).toEqual(hasLedger ? [] : [1]);
    }
  });

  it('of one event that is set aside counts only what gets through after that', async () => {
    const { aside, farSide, answer, proceed } = batchOf(1);
    farSide.stored(1, 0);
    answer(down);
    await proceed(5);
    expect(aside.due(31_000)?.gotThrough).toBe(1);
  });

  it('of which some got through has not failed in a row', async () => {
    const { sent, answer, proceed } = batchOf(4);
    answer(down);
    await proceed(4);
    answer(() => {
      throw new SinkError('transient', 'throttled', { failed: [2, 3] });
    });
    await proceed(1);
    answer(down);
    await proceed(4);
    expect(sent.slice(5)).toEqual(Array(4).fill([3, 4]));
    await proceed(1);
    expect(sent.at(-1)).toEqual([3]);
  });

  it('keeps such an event where no more may be set aside', async () => {
    const { aside, batch, retryTime, answer, proceed } = batchOf(1);
    for (const sequence of range(101, 164)) {
      aside.add({
        sequence,
        record: undefined,
        retryTime: retryTime.fork(0),
        attempts: 5,
        firstFailedAt: 0,
        gotThrough: 0,
        proven: true,
        doom: undefined,
      });
    }
    answer(down);
    await proceed(10);
    expect([batch.first, aside.size]).toEqual([1, 64]);
  });

  it('is given up without a ledger at its time, not sooner', async () => {
    const { batch, clock, told, answer, proceed } = batchOf(1, { hasLedger: false });
    answer(() => {
      throw new SinkError('sink', 'bad token', { retryAfterMs: 60 * 60_000 });
    });
    await proceed(1);
    expect(batch.isDone).toBe(false);
    await proceed(1);
    expect([batch.isDone, clock.monotonic()]).toEqual([true, 5 * 60_000]);
    expect(told.at(-1)).toBe('lost 1');
  });

  it('keeps what an end leaves of it, and nobody is told of a failure', async () => {
    const { attempts, batch, state, told } = batchOf(3);
    state.answer = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new SinkError('transient', 'aborted', { failed: [1, 2] }));
        });
      });
    const proceeding = batch.proceed();
    attempts.end(new Error('stopped'));
    await proceeding;
    expect([batch.first, told]).toEqual([2, ['delivered 1']]);
  });
});
