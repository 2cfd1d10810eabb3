import { describe, expect, it } from '@jest/globals';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { AuditError } from '../../src/errors.js';
import { SinkError } from '../../src/sink.js';
import { diagLog } from '../support/diag-log.js';
import { ArraySource, laneRig, numbered, range } from './lane-rig.js';

const diagnostics = diagLog();

describe('a lane hands batches to its sink', () => {
  it('in order and as full as they get', async () => {
    const rig = laneRig({ delivery: { maxBatch: 4 } });
    rig.add(10);
    await rig.idle();
    expect(rig.batches).toEqual([range(1, 4), range(5, 8)]);
    await rig.pass(1000);
    expect(rig.batches).toEqual([range(1, 4), range(5, 8), [9, 10]]);
    expect(rig.lane.settled).toBe(10);
    expect(rig.positions.position).toEqual({ acknowledged: 10, waiting: [] });
  });

  it('no larger than its bound in bytes, and a larger event alone', async () => {
    const rig = laneRig({ delivery: { maxBatchBytes: 250 } });
    rig.add(3, 100);
    rig.add(1, 900);
    rig.add(3, 100);
    rig.lane.hurry(7);
    await rig.idle();
    expect(rig.batches).toEqual([[1, 2], [3], [4], [5, 6], [7]]);
    expect(rig.lane.settled).toBe(7);
  });

  it('after the time that events wait for company', async () => {
    const rig = laneRig({ delivery: { maxDelayMs: 200 } });
    rig.add(1);
    await rig.pass(150);
    rig.add(1);
    await rig.pass(49);
    expect(rig.calls).toHaveLength(0);
    await rig.pass(1);
    expect(rig.batches).toEqual([[1, 2]]);
  });

  it('at once while somebody waits, and no longer than that', async () => {
    const rig = laneRig();
    rig.add(2);
    await rig.idle();
    expect(rig.calls).toHaveLength(0);
    rig.lane.hurry(2);
    await rig.idle();
    expect(rig.batches).toEqual([[1, 2]]);
    rig.add(1);
    await rig.idle();
    expect(rig.calls).toHaveLength(1);
  });

  it('with the place of each event in the ledger', async () => {
    const rig = laneRig({ delivery: { maxBatch: 2 } });
    rig.add(2);
    await rig.idle();
    expect(rig.calls[0]!.context).toMatchObject({
      attempt: 1,
      records: [
        { sequence: 1, hash: 'hash-1', previousHash: 'hash-0', recordedAt: 'at-1' },
        { sequence: 2, hash: 'hash-2', previousHash: 'hash-1', recordedAt: 'at-2' },
      ],
    });
    expect(rig.calls[0]!.context.records![0]!.stream).toBe(rig.source.stream);
  });

  it('without places where there is no ledger', async () => {
    const rig = laneRig({ memory: true, delivery: { maxBatch: 1 } });
    rig.add(1);
    await rig.idle();
    expect('records' in rig.calls[0]!.context).toBe(false);
  });

  it('in a fresh array each time', async () => {
    const rig = laneRig({
      delivery: { maxBatch: 2 },
      farSide: ({ events }) => {
        (events as unknown[]).pop();
        throw new Error('down');
      },
    });
    rig.add(2);
    await rig.pass(1000);
    expect(rig.batches).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(rig.calls[1]!.context.attempt).toBe(2);
  });

  it('from where an earlier run stopped', async () => {
    const source = new ArraySource();
    for (const number of range(1, 5)) source.add(numbered(number));
    const rig = laneRig({ source, position: { acknowledged: 3, waiting: [2] } });
    rig.lane.hurry(5);
    await rig.idle();
    expect(rig.batches).toEqual([[2], [4, 5]]);
    expect(rig.positions.position).toEqual({ acknowledged: 5, waiting: [] });
  });

  it('in no context of those that woke it', async () => {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    try {
      const key = createContextKey('request');
      const request = ROOT_CONTEXT.setValue(key, 'a request');
      const seen: unknown[] = [];
      const source = new ArraySource();
      source.onRead = () => seen.push(context.active().getValue(key));
      const rig = context.with(request, () =>
        laneRig({
          source,
          farSide: () => {
            seen.push(context.active().getValue(key), isTracingSuppressed(context.active()));
          },
        }),
      );
      context.with(request, () => {
        rig.add(1);
        rig.lane.hurry(1);
      });
      await rig.idle();
      expect(seen).toEqual([undefined, undefined, true]);
    } finally {
      context.disable();
    }
  });

  it('and has nothing to wake for while idle', async () => {
    const rig = laneRig();
    rig.add(3);
    await rig.pass(1000);
    const { reads } = rig.source;
    expect(rig.clock.waiting).toBe(0);
    await rig.pass(60 * 60 * 1000);
    expect(rig.source.reads).toBe(reads);
  });

  it('and lets the event loop turn during a backlog, however quick the sink is', async () => {
    const rig = laneRig();
    let turns = 0;
    rig.add(512 * 80);
    while (rig.lane.settled < 512 * 80) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('with no more reads than batches during a backlog that it releases as it goes', async () => {
    const rig = laneRig();
    rig.add(512 * 20);
    await rig.idle();
    expect(rig.calls).toHaveLength(20);
    expect(rig.source.reads).toBe(20);
    expect(rig.source.released).toBe(512 * 20);
  });
});

describe('a lane passes over', () => {
  it('what its checker turns away, and counts it', async () => {
    const rig = laneRig({
      checker: { check: (pair) => pair === 'flag:created', events: () => [] },
      delivery: { maxBatch: 2 },
    });
    for (const number of range(1, 6)) {
      rig.source.add(numbered(number, number % 3 === 0 ? 'flag' : 'rule'));
    }
    rig.source.announce();
    await rig.idle();
    expect(rig.batches).toEqual([[3, 6]]);
    expect(rig.lane.counters).toMatchObject({ delivered: 2, rejected: 4 });
    expect(rig.told.rejected).toBe(4);
  });

  it('everything, and its position moves all the same', async () => {
    const rig = laneRig({ checker: { check: () => false, events: () => [] } });
    rig.add(2000);
    await rig.idle();
    expect(rig.calls).toHaveLength(0);
    expect(rig.positions.position.acknowledged).toBe(2000);
    expect(rig.source.released).toBe(2000);
  });

  it('records without an event', async () => {
    const rig = laneRig();
    rig.source.add({ id: 'x', trace: undefined, reason: 'no action', attributesText: '{}' });
    rig.add(1);
    rig.lane.hurry(2);
    await rig.idle();
    expect(rig.batches).toEqual([[2]]);
    expect(rig.lane.counters.malformed).toBe(1);
  });

  it('an event that its checker throws at, which becomes a dead letter', async () => {
    const check = (pair: string) => {
      if (pair === 'rule:created') throw new Error('no idea');
      return true;
    };
    const rig = laneRig({ checker: { check, events: () => [] } });
    rig.source.add(numbered(1));
    rig.source.add(numbered(2, 'rule'));
    rig.source.add(numbered(3));
    rig.source.announce();
    rig.lane.hurry(3);
    await rig.idle();
    expect(rig.batches).toEqual([[1], [3]]);
    expect(rig.dead).toEqual([
      { sequence: 2, reason: 'the checker of sink siem failed: no idea', attempts: 0 },
    ]);
    expect(rig.told.troubles.map(({ code }) => code)).toEqual(['checker-failed']);
    expect(rig.lane.settled).toBe(3);
  });

  it('such an event without a ledger too, and tells it as lost', async () => {
    const check = () => {
      throw new Error('no idea');
    };
    const rig = laneRig({ memory: true, checker: { check, events: () => [] } });
    rig.add(1);
    await rig.idle();
    expect(rig.told.lost).toEqual([
      { sequences: [1], message: 'the checker of sink siem failed: no idea' },
    ]);
    expect(rig.lane.settled).toBe(1);
  });
});

describe('an event that the sink will never accept', () => {
  const poison = (...bad: number[]) => {
    return ({ numbers }: { numbers: readonly number[] }) => {
      if (numbers.some((number) => bad.includes(number))) throw new SinkError('event', 'too long');
    };
  };

  it('is found by halving, without waiting, and becomes a dead letter', async () => {
    const rig = laneRig({ farSide: poison(3), delivery: { maxBatch: 8 } });
    rig.add(8);
    await rig.idle();
    expect(rig.batches).toEqual([range(1, 8), range(1, 4), [1, 2], [3, 4], [3], [4], range(5, 8)]);
    expect(rig.dead).toEqual([{ sequence: 3, reason: 'too long', attempts: 4 }]);
    expect(rig.positions.position).toEqual({ acknowledged: 8, waiting: [] });
    expect(rig.lane.counters).toMatchObject({ delivered: 7, deadLetters: 1 });
    expect(rig.lane.health()).toBeUndefined();
  });

  it('shows that the sink is there again', async () => {
    let isDown = true;
    const rig = laneRig({
      farSide: () => {
        throw isDown ? new Error('down') : new SinkError('event', 'too long');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.pass(5000);
    expect(rig.lane.health()).toMatchObject({ kind: 'transient' });
    isDown = false;
    await rig.pass(5000);
    expect(rig.dead).toHaveLength(1);
    expect(rig.lane.health()).toBeUndefined();
  });

  it('is known at once where the sink names it', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new SinkError('event', 'too long', { failed: [2] });
      },
      delivery: { maxBatch: 4 },
    });
    rig.add(4);
    await rig.idle();
    expect(rig.calls).toHaveLength(1);
    expect(rig.dead).toEqual([{ sequence: 3, reason: 'too long', attempts: 1 }]);
    expect(rig.lane.counters.delivered).toBe(3);
  });

  it('is not passed before its dead letter is durable', async () => {
    const rig = laneRig({ farSide: poison(1), delivery: { maxBatch: 1 } });
    rig.failDeadLetters(new Error('disk full'));
    rig.add(2);
    await rig.pass(60_000);
    expect(rig.lane.settled).toBe(0);
    expect(rig.calls).toHaveLength(1);
    expect(rig.lane.health()).toEqual({
      kind: 'dead-letter',
      message: 'sink siem: a dead letter could not be kept: disk full',
      since: 0,
    });
    expect(rig.told.troubles[0]!.code).toBe('ledger-unavailable');
    rig.failDeadLetters(undefined);
    await rig.pass(30_000);
    expect(rig.dead).toHaveLength(1);
    expect(rig.lane.settled).toBe(2);
    expect(rig.lane.health()).toBeUndefined();
  });

  it('is told as lost without a ledger', async () => {
    const rig = laneRig({ memory: true, farSide: poison(2), delivery: { maxBatch: 2 } });
    rig.add(2);
    await rig.idle();
    expect(rig.told.lost).toEqual([{ sequences: [2], message: 'too long' }]);
    expect(rig.lane.counters).toMatchObject({ delivered: 1, lost: 1 });
    expect(rig.lane.settled).toBe(2);
  });
});

describe('a sink that names what it did not store', () => {
  it('is sent only that again', async () => {
    let first = true;
    const rig = laneRig({
      farSide: () => {
        if (!first) return;
        first = false;
        throw new SinkError('transient', 'throttled', { failed: [3, 1] });
      },
      delivery: { maxBatch: 4 },
    });
    rig.add(4);
    await rig.idle();
    expect(rig.lane.counters.delivered).toBe(2);
    expect(rig.lane.settled).toBe(1);
    await rig.pass(1000);
    expect(rig.batches).toEqual([range(1, 4), [2, 4]]);
    expect(rig.lane.settled).toBe(4);
  });

  it('and names nothing has stored everything', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new SinkError('transient', 'a warning', { failed: [] });
      },
      delivery: { maxBatch: 2 },
    });
    rig.add(4);
    await rig.idle();
    expect(rig.lane.settled).toBe(4);
    expect(rig.calls).toHaveLength(2);
  });

  it.each([[[4]], [[-1]], [[0.5]], [['0']], [[0, 7]], ['0'], [{ 0: 0 }]])(
    'is not believed with %j: the whole batch comes again',
    async (failed) => {
      let first = true;
      const rig = laneRig({
        farSide: () => {
          if (!first) return;
          first = false;
          throw new SinkError('transient', 'odd', { failed: failed as number[] });
        },
        delivery: { maxBatch: 4 },
      });
      rig.add(4);
      await rig.idle();
      expect(rig.lane.settled).toBe(0);
      await rig.pass(1000);
      expect(rig.batches).toEqual([range(1, 4), range(1, 4)]);
    },
  );

  it('when it is aborted half way keeps the half', async () => {
    const rig = laneRig({
      farSide: ({ numbers, context: { signal } }) => {
        if (numbers.length < 4) return;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new SinkError('transient', 'half stored', { failed: [2, 3] }));
          });
        });
      },
      delivery: { maxBatch: 4, timeoutMs: 5000 },
    });
    rig.add(4);
    await rig.pass(5000);
    expect(rig.lane.settled).toBe(2);
    await rig.pass(1000);
    expect(rig.batches).toEqual([range(1, 4), [3, 4]]);
    expect(rig.lane.settled).toBe(4);
  });
});

describe('a sink that is down', () => {
  it('gets the batch again after 1, 2, 4 … 30 s, as the jitter has it', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new Error('ECONNREFUSED');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.pass(100_000);
    expect(rig.calls.map(({ at }) => at / 1000)).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
  });

  it('is asked sooner where chance says so', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new Error('ECONNREFUSED');
      },
      delivery: { maxBatch: 1 },
      random: () => 0.5,
    });
    rig.add(1);
    await rig.pass(8000);
    expect(rig.calls.map(({ at }) => at)).toEqual([0, 500, 1500, 3500, 7500]);
  });

  it('is left alone as long as it asks for, up to an hour', async () => {
    let retryAfterMs = 90_000;
    const rig = laneRig({
      farSide: () => {
        throw new SinkError('transient', 'too many requests', { retryAfterMs });
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.pass(90_000);
    expect(rig.calls.map(({ at }) => at)).toEqual([0, 90_000]);
    retryAfterMs = 1e12;
    await rig.pass(90_000);
    await rig.pass(60 * 60 * 1000);
    expect(rig.calls.map(({ at }) => at)).toEqual([0, 90_000, 180_000, 3_780_000]);
  });

  it('for an outage of 30 hours gets everything afterwards, and nothing is a dead letter', async () => {
    let isDown = true;
    const stored: number[] = [];
    const rig = laneRig({
      farSide: ({ numbers }) => {
        if (isDown) throw new SinkError('transient', '503');
        stored.push(...numbers);
      },
      random: () => 0.9,
    });
    rig.add(1000);
    for (let hour = 0; hour < 30; hour += 1) {
      await rig.pass(60 * 60 * 1000);
      rig.add(200);
    }
    expect(rig.positions.position).toEqual({ acknowledged: 0, waiting: [] });
    expect(rig.lane.health()).toMatchObject({ kind: 'transient', message: '503', since: 0 });
    isDown = false;
    await rig.pass(120_000);
    expect(rig.dead).toEqual([]);
    expect(stored.sort((a, b) => a - b)).toEqual(range(1, 7000));
    expect(rig.positions.position).toEqual({ acknowledged: 7000, waiting: [] });
    expect(rig.lane.health()).toBeUndefined();
    expect(rig.mostInFlight).toBe(1);
  });

  it('costs no event that stumbles once more after it its day of patience', async () => {
    let isDown = true;
    let stumbles = 3;
    const rig = laneRig({
      farSide: ({ numbers }) => {
        if (isDown) throw new Error('down');
        if (numbers.includes(1) && stumbles-- > 0) throw new Error('stumbled');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(3);
    await rig.pass(30 * 60 * 60 * 1000);
    expect(rig.told.setAside).toContain(1);
    isDown = false;
    for (let minute = 0; minute < 10; minute += 1) {
      rig.add(1);
      await rig.pass(60_000);
    }
    expect(rig.dead).toEqual([]);
    expect(rig.positions.position).toEqual({ acknowledged: 13, waiting: [] });
  });

  it('has what it was sent halved after five failures, and full batches soon after it is back', async () => {
    let isDown = true;
    const rig = laneRig({
      farSide: () => {
        if (isDown) throw new Error('down');
      },
      delivery: { maxBatch: 8 },
    });
    rig.add(8);
    await rig.pass(31_000);
    expect(rig.batches.map(({ length }) => length)).toEqual([8, 8, 8, 8, 8, 4]);
    rig.add(16);
    isDown = false;
    await rig.pass(30_000);
    expect(rig.batches.slice(6).map(({ length }) => length)).toEqual([2, 2, 4, 8, 8]);
    expect(rig.lane.settled).toBe(24);
  });
});

describe('a sink that is wrong itself', () => {
  it('with wrong credentials for an hour: the lane waits, says so, and loses nothing', async () => {
    let isWrong = true;
    const rig = laneRig({
      farSide: () => {
        if (isWrong) throw new SinkError('sink', 'bad token');
      },
      delivery: { maxBatch: 4 },
    });
    rig.add(8);
    await rig.pass(60 * 60 * 1000);
    expect(new Set(rig.batches.map((batch) => batch.join()))).toEqual(new Set(['1,2,3,4']));
    expect(rig.calls.length).toBeGreaterThan(100);
    expect(rig.lane.health()).toEqual({ kind: 'sink', message: 'bad token', since: 0 });
    expect([rig.dead, rig.told.lost, rig.told.setAside]).toEqual([[], [], []]);
    isWrong = false;
    await rig.pass(30_000);
    expect(rig.lane.settled).toBe(8);
    expect(rig.lane.health()).toBeUndefined();
  });
});

describe('a sink that comes and goes', () => {
  it('ends up with every event', async () => {
    const stored = new Set<number>();
    let call = 0;
    const rig = laneRig({
      farSide: ({ numbers }) => {
        call += 1;
        if (call % 3 !== 0) throw new Error('flapping');
        for (const number of numbers) stored.add(number);
      },
      delivery: { maxBatch: 10 },
      random: () => 0.3,
    });
    rig.add(500);
    await rig.pass(10 * 60 * 1000);
    expect([...stored]).toEqual(range(1, 500));
    expect(rig.lane.settled).toBe(500);
    expect([rig.dead, rig.told.setAside]).toEqual([[], []]);
  });

  it('and stores before it throws gets events twice, and none is lost', async () => {
    const stored: number[] = [];
    let call = 0;
    const rig = laneRig({
      farSide: ({ numbers }) => {
        stored.push(...numbers);
        call += 1;
        if (call === 1) throw new Error('the reply was lost');
      },
      delivery: { maxBatch: 2 },
    });
    rig.add(4);
    await rig.pass(1000);
    expect(stored).toEqual([1, 2, 1, 2, 3, 4]);
    expect(rig.lane.counters.delivered).toBe(4);
  });
});

describe('an event that the sink asks to try later for ever', () => {
  const HOUR = 60 * 60 * 1000;
  const poisoned = (...bad: number[]) => {
    const stored: number[] = [];
    const rig = laneRig({
      farSide: ({ numbers }) => {
        if (numbers.some((number) => bad.includes(number))) throw new Error('try later');
        stored.push(...numbers);
      },
    });
    return { rig, stored };
  };

  it('is set aside while others get through, and is a dead letter after a day of that', async () => {
    const { rig, stored } = poisoned(100);
    rig.add(512);
    await rig.pass(HOUR);
    expect(rig.lane.settled).toBe(512);
    expect(rig.positions.position).toEqual({ acknowledged: 512, waiting: [100] });
    expect(rig.told.setAside).toEqual([100]);
    rig.add(512);
    await rig.pass(2000);
    expect(rig.lane.settled).toBe(1024); // it keeps up
    expect(rig.dead).toEqual([]);
    for (let hour = 0; hour < 24; hour += 1) {
      expect(rig.dead).toEqual([]);
      for (let part = 0; part < 60; part += 1) {
        rig.add(10);
        await rig.pass(HOUR / 60);
      }
    }
    expect(rig.dead).toMatchObject([
      { sequence: 100, reason: 'not stored for 86400000 ms while others were: try later' },
    ]);
    expect(rig.dead[0]!.attempts).toBeGreaterThan(1000);
    expect(rig.positions.position.waiting).toEqual([]);
    expect(stored.length).toBe(rig.source.deliverable - 1);
  });

  it('waits however long while nothing else is sent', async () => {
    const { rig } = poisoned(1);
    rig.add(2);
    await rig.pass(HOUR);
    expect(rig.positions.position.waiting).toEqual([1]);
    await rig.pass(30 * HOUR);
    expect(rig.dead).toEqual([]);
    expect(rig.lane.health()).toMatchObject({ kind: 'transient', message: 'try later' });
  });

  it('is tried on its own backoff and not more often', async () => {
    const { rig } = poisoned(1);
    rig.add(2);
    await rig.pass(HOUR);
    const before = rig.calls.length;
    await rig.pass(HOUR);
    expect(rig.calls.length - before).toBe(120);
  });

  it('is one of 64 that together are tried no more often while nothing gets through', async () => {
    const source = new ArraySource();
    for (const number of range(1, 64)) source.add(numbered(number));
    const rig = laneRig({
      source,
      position: { acknowledged: 64, waiting: range(1, 64) },
      farSide: () => {
        throw new Error('down');
      },
    });
    await rig.pass(HOUR);
    const tried = new Set(rig.calls.flatMap(({ numbers }) => numbers));
    expect(tried.size).toBe(64);
    expect(rig.calls.length).toBeLessThan(130);
  });

  it('is taken up again where an earlier run set it aside', async () => {
    const source = new ArraySource();
    for (const number of range(1, 3)) source.add(numbered(number));
    let isPoison = true;
    const rig = laneRig({
      source,
      position: { acknowledged: 3, waiting: [2] },
      farSide: () => {
        if (isPoison) throw new Error('try later');
      },
    });
    await rig.pass(10_000);
    expect(rig.positions.position).toEqual({ acknowledged: 3, waiting: [2] });
    expect(rig.source.openReaders).toBe(2);
    expect(rig.source.released).toBe(3); // the second reader keeps nothing in memory
    isPoison = false;
    await rig.pass(30_000);
    expect(rig.positions.position).toEqual({ acknowledged: 3, waiting: [] });
    expect(rig.source.openReaders).toBe(1);
  });

  it('that has gone from the ledger is dropped and told', async () => {
    const source = new ArraySource();
    for (const number of range(1, 3)) source.add(numbered(number));
    source.gone.add(2);
    const rig = laneRig({ source, position: { acknowledged: 3, waiting: [2] } });
    await rig.idle();
    expect(rig.positions.position).toEqual({ acknowledged: 3, waiting: [] });
    expect(rig.told.troubles.map(({ message }) => message)).toEqual([
      'sink siem: record 2 was set aside and is no longer there',
    ]);
    expect(rig.lane.counters.lost).toBe(1);
  });

  it('does not take the lane with it when it hangs', async () => {
    const rig = laneRig({
      farSide: ({ numbers, context: { signal } }) => {
        if (!numbers.includes(1)) return;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(2);
    await rig.pass(10 * 60 * 1000);
    const before = rig.calls.length;
    await rig.pass(HOUR);
    const hung = (rig.calls.length - before) * 30_000;
    expect(hung).toBeLessThanOrEqual(HOUR / 10 + 30_000);
    expect(hung).toBeGreaterThan(HOUR / 20);
  });

  it('one of 64: the next one holds the lane, and all are tried on', async () => {
    const { rig } = poisoned(...range(1, 65));
    rig.add(66);
    await rig.pass(5 * HOUR);
    expect(rig.told.setAside).toEqual(range(1, 64));
    expect(rig.lane.settled).toBe(0); // nothing ever got through: the sink may be down
    rig.setFarSide(() => {});
    await rig.pass(HOUR);
    expect(rig.positions.position).toEqual({ acknowledged: 66, waiting: [] });
    expect(rig.lane.counters.delivered).toBe(66);
  });

  it('lets others pass while 64 wait, until one more would have to', async () => {
    const { rig } = poisoned(...range(1, 64), 70, 75);
    rig.add(66);
    await rig.pass(10 * HOUR);
    expect(rig.positions.position).toEqual({ acknowledged: 66, waiting: range(1, 64) });
    rig.add(3);
    await rig.pass(HOUR);
    expect(rig.positions.position.acknowledged).toBe(69);
    rig.add(2);
    await rig.pass(HOUR);
    expect(rig.positions.position.acknowledged).toBe(69);
    rig.setFarSide(({ numbers }) => {
      if (numbers.some((number) => number < 64)) throw new Error('try later');
    });
    await rig.pass(HOUR);
    expect(rig.positions.position).toEqual({ acknowledged: 71, waiting: range(1, 63) });
  });

  it('is given up without a ledger when its time is over', async () => {
    const rig = laneRig({
      memory: true,
      farSide: ({ numbers }) => {
        if (numbers.includes(1)) throw new Error('try later');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(3);
    await rig.pass(5 * 60 * 1000 - 1);
    expect(rig.lane.counters).toMatchObject({ delivered: 2, lost: 0 });
    await rig.pass(1);
    expect(rig.told.lost).toEqual([{ sequences: [1], message: 'try later' }]);
    expect(rig.lane.settled).toBe(3);
  });
});

describe('a sink that hangs', () => {
  const hang = () => new Promise<void>(() => {});

  it('is aborted at the deadline, waited for, and shown; what it says in the end counts', async () => {
    let store: (() => void) | undefined;
    const rig = laneRig({
      farSide: () => new Promise<void>((resolve) => (store = resolve)),
      delivery: { maxBatch: 2, timeoutMs: 30_000 },
    });
    rig.add(2000);
    await rig.pass(29_999);
    expect(rig.lane.health()).toBeUndefined();
    await rig.pass(60 * 60 * 1000);
    expect(rig.calls).toHaveLength(1);
    const { signal } = rig.calls[0]!.context;
    expect(signal.reason).toBeInstanceOf(SinkError);
    expect(String(signal.reason)).toContain('not stored within 30000 ms');
    expect(rig.lane.health()).toMatchObject({ kind: 'overdue', since: 30_000 });
    expect(rig.source.reads).toBe(1); // nothing is read ahead of it
    store?.();
    await rig.idle();
    expect(rig.lane.settled).toBe(2);
    expect(rig.calls).toHaveLength(2);
    expect(rig.lane.health()).toBeUndefined();
  });

  it('and throws an error of its own when aborted failed for the deadline', async () => {
    const rig = laneRig({
      farSide: ({ context: { signal } }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('This operation was aborted')));
        }),
      delivery: { maxBatch: 1, timeoutMs: 100 },
    });
    rig.add(1);
    await rig.pass(100);
    expect(rig.told.failed.map(({ message }) => message)).toEqual(['not stored within 100 ms']);
  });

  it('without a ledger holds its events no longer than they may fail', async () => {
    const rig = laneRig({ memory: true, farSide: hang, delivery: { maxBatch: 1 } });
    rig.add(2);
    await rig.pass(5 * 60 * 1000);
    expect(rig.told.lost.map(({ sequences }) => sequences)).toEqual([[1]]);
    await rig.pass(5 * 60 * 1000 + 1000);
    expect(rig.told.lost.map(({ sequences }) => sequences)).toEqual([[1], [2]]);
    expect(rig.calls).toHaveLength(1); // still never two at a time
  });
});

describe('without a ledger', () => {
  it.each(['sink', 'transient'] as const)(
    'a batch whose fault stays %s is given up after five minutes, and the next has its own five',
    async (fault) => {
      const rig = laneRig({
        memory: true,
        farSide: () => {
          throw new SinkError(fault, 'no', { retryAfterMs: 20 * 60 * 1000 });
        },
        delivery: { maxBatch: 1 },
      });
      rig.add(1);
      await rig.pass(5 * 60 * 1000);
      expect(rig.told.lost).toEqual([{ sequences: [1], message: 'no' }]);
      expect(rig.calls.map(({ at }) => at)).toEqual([0, 300_000]);
      expect(rig.lane.settled).toBe(1);
      rig.add(1);
      await rig.pass(19 * 60 * 1000);
      expect(rig.calls).toHaveLength(2); // what the far side asked for holds for the next batch
    },
  );
});

describe('a source that cannot be read', () => {
  it('is tried again, told, and nothing is skipped', async () => {
    const rig = laneRig({ delivery: { maxBatch: 2 } });
    rig.source.fault = new AuditError('ledger-corrupt', 'line 3 does not chain');
    rig.add(4);
    await rig.pass(60_000);
    expect(rig.calls).toHaveLength(0);
    expect(rig.told.troubles.length).toBeGreaterThan(4);
    expect(rig.told.troubles.length).toBeLessThan(9);
    expect(rig.lane.health()).toEqual({
      kind: 'source',
      message: 'sink siem: records could not be read: line 3 does not chain',
      since: 0,
    });
    rig.source.fault = undefined;
    await rig.pass(30_000);
    expect(rig.batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(rig.lane.health()).toBeUndefined();
  });

  it('does not hold what was read before', async () => {
    const rig = laneRig();
    rig.add(2);
    await rig.idle();
    rig.source.fault = new Error('EIO');
    rig.add(1);
    await rig.idle();
    expect(rig.batches).toEqual([[1, 2]]);
  });

  it('with a gap in it stops the lane before the gap', async () => {
    const rig = laneRig({ delivery: { maxBatch: 2 } });
    rig.source.gone.add(3);
    rig.add(4);
    await rig.pass(60_000);
    expect(rig.batches).toEqual([[1, 2]]);
    expect(rig.lane.health()).toMatchObject({ kind: 'source' });
    expect(rig.lane.settled).toBe(2);
  });
});

describe('a position', () => {
  it('is saved after every batch, one save at a time, and the latest wins', async () => {
    const rig = laneRig({ delivery: { maxBatch: 1 } });
    rig.positions.held = [];
    rig.add(3);
    await rig.idle();
    expect(rig.lane.settled).toBe(3);
    const held = rig.positions.held;
    rig.positions.held = undefined;
    for (const go of held) go();
    await rig.idle();
    expect(rig.positions.saves.map(({ acknowledged }) => acknowledged)).toEqual([1, 3]);
  });

  it('that is slow to save holds the lane two batches further', async () => {
    const rig = laneRig({ delivery: { maxBatch: 10 } });
    rig.positions.held = [];
    rig.add(100);
    await rig.idle();
    expect(rig.lane.settled).toBe(30);
    const held = rig.positions.held;
    rig.positions.held = undefined;
    for (const go of held) go();
    await rig.idle();
    expect(rig.lane.settled).toBe(100);
  });

  it('that cannot be saved is told and tried again, and delivery goes on', async () => {
    const rig = laneRig({ delivery: { maxBatch: 1 } });
    rig.positions.fault = new Error('disk full');
    rig.add(5);
    await rig.pass(5000);
    expect(rig.lane.settled).toBe(5);
    expect(rig.lane.health()).toEqual({
      kind: 'position',
      message: 'sink siem: its position could not be saved: disk full',
      since: 0,
    });
    expect(rig.told.troubles).toHaveLength(3);
    rig.positions.fault = undefined;
    await rig.pass(10_000);
    expect(rig.positions.position.acknowledged).toBe(5);
    expect(rig.lane.health()).toBeUndefined();
  });
});

describe('retryNow', () => {
  it('ends a backoff', async () => {
    let isDown = true;
    const rig = laneRig({
      farSide: () => {
        if (isDown) throw new Error('down');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.pass(20_000);
    isDown = false;
    rig.lane.retryNow();
    await rig.idle();
    expect(rig.lane.settled).toBe(1);
  });

  it('but not a pause that the far side asked for', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new SinkError('transient', 'busy', { retryAfterMs: 60_000 });
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.pass(20_000);
    rig.lane.retryNow();
    await rig.idle();
    expect(rig.calls).toHaveLength(1);
  });
});

describe('a lane that stops', () => {
  it('aborts what is in flight, counts what became of it, and saves its position', async () => {
    const rig = laneRig({
      farSide: ({ context: { signal } }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new SinkError('transient', 'half', { failed: [1] }));
          });
        }),
      delivery: { maxBatch: 2 },
    });
    rig.add(6);
    await rig.idle();
    await rig.lane.stop(1000);
    expect(rig.calls[0]!.context.signal.reason).toMatchObject({ code: 'shutdown' });
    expect(rig.positions.position).toEqual({ acknowledged: 1, waiting: [] });
    expect(rig.calls).toHaveLength(1);
    expect([rig.told.failed, rig.told.lost]).toEqual([[], []]);
    expect(rig.source.openReaders).toBe(0);
    expect(rig.clock.waiting).toBe(0);
  });

  it('abandons after its grace what does not settle, and is not moved by it any more', async () => {
    let store: (() => void) | undefined;
    const rig = laneRig({
      farSide: () => new Promise<void>((resolve) => (store = resolve)),
      delivery: { maxBatch: 2 },
    });
    rig.add(2);
    await rig.idle();
    let isStopped = false;
    const stopped = rig.lane.stop(500).then(() => {
      isStopped = true;
    });
    await rig.pass(499);
    expect(isStopped).toBe(false);
    await rig.pass(1);
    await stopped;
    store?.();
    await rig.idle();
    expect(rig.lane.settled).toBe(0);
    expect(rig.positions.saves).toEqual([]);
  });

  it('ends its waiting', async () => {
    const rig = laneRig({
      farSide: () => {
        throw new Error('down');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(1);
    await rig.idle();
    await rig.lane.stop(1000);
    expect(rig.clock.waiting).toBe(0);
    expect(rig.lane.stop(5)).toBe(rig.lane.stop(5));
  });

  it('says when its position could not be saved', async () => {
    const rig = laneRig({ delivery: { maxBatch: 1 } });
    rig.positions.fault = new Error('disk full');
    rig.add(1);
    await rig.idle();
    await expect(rig.lane.stop(1000)).rejects.toMatchObject({
      code: 'ledger-unavailable',
      message: 'sink siem: its position could not be saved: disk full',
    });
    expect(rig.clock.waiting).toBe(0);
  });

  it('without a ledger tells what is lost with it', async () => {
    const rig = laneRig({
      memory: true,
      farSide: ({ numbers }) => {
        if (numbers.includes(1)) throw new Error('down');
      },
      delivery: { maxBatch: 2 },
    });
    rig.add(5);
    await rig.idle();
    await rig.lane.stop(1000);
    expect(rig.told.lost.flatMap(({ sequences }) => sequences)).toEqual(range(1, 5));
  });
});

describe('what observes a lane', () => {
  it('may throw without harm', async () => {
    const rig = laneRig({
      observer: {
        delivered() {
          throw new Error('mine');
        },
        settled() {
          throw new Error('mine');
        },
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(3);
    await rig.idle();
    expect(rig.lane.settled).toBe(3);
    expect(diagnostics.lines.filter((line) => line.includes('mine')).length).toBeGreaterThan(0);
  });
});

describe('two lanes of one sink', () => {
  it('never send at the same time', async () => {
    const first = laneRig({ farSide: () => new Promise((resolve) => setImmediate(resolve)) });
    const second = laneRig({ outlet: first.outlet, clock: first.clock });
    first.add(2000);
    second.add(2000);
    for (const rig of [first, second]) rig.lane.hurry(2000);
    await first.idle();
    await second.idle();
    await first.idle();
    expect([first.lane.settled, second.lane.settled]).toEqual([2000, 2000]);
    expect(first.mostInFlight).toBe(1);
    expect(first.calls.length).toBe(8);
  });

  it('and one that stops leaves the queue', async () => {
    let store: (() => void) | undefined;
    const first = laneRig({
      farSide: () => new Promise<void>((resolve) => (store = resolve)),
      delivery: { maxBatch: 1 },
    });
    const second = laneRig({
      outlet: first.outlet,
      clock: first.clock,
      delivery: { maxBatch: 1 },
    });
    first.add(1);
    await first.idle();
    second.add(1);
    await second.idle();
    await second.lane.stop(1000);
    store?.();
    await first.idle();
    expect(first.calls).toHaveLength(1);
    expect(first.lane.settled).toBe(1);
  });
});
