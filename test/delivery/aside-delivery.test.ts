import { describe, expect, it } from '@jest/globals';
import { AsideDelivery } from '../../src/delivery/aside-delivery.js';
import { Reading } from '../../src/delivery/reading.js';
import { SinkError } from '../../src/sink.js';
import { laneParts } from './lane-parts.js';
import { ArraySource, numbered, range } from './lane-rig.js';

const HOUR_MS = 60 * 60_000;

/** Record 2 of 3 is set aside by an earlier run. */
function asideOfTwo() {
  const source = new ArraySource();
  for (const number of range(1, 3)) source.add(numbered(number));
  const parts = laneParts({ waiting: [2] });
  const { outside, report, pacing, clock, aside, farSide, state } = parts;
  const reading = new Reading(outside, report, pacing);
  let updates = 0;
  const progress = {
    settled: 3,
    updateAside() {
      updates += 1;
    },
  };
  const delivery = new AsideDelivery({
    ...parts,
    source,
    reading,
    progress,
    maxElapsedMs: 24 * HOUR_MS,
  });
  let tries = 0;
  const answer = (act: () => void) => {
    state.answer = () => {
      tries += 1;
      act();
    };
  };
  answer(() => {});
  return {
    ...parts,
    source,
    reading,
    delivery,
    answer,
    /** Another event gets through. */
    storeOther: () => farSide.stored(1, clock.monotonic()),
    proceed: async () => {
      clock.advance(Math.max(0, aside.nextAt - clock.monotonic()));
      await delivery.proceed(aside.due(clock.monotonic())!);
    },
    get tries() {
      return tries;
    },
    get updates() {
      return updates;
    },
  };
}

const down = () => {
  throw new Error('try later');
};

describe('a record that is set aside', () => {
  it('is read, sent, and done with once it is stored; then nothing more is read', async () => {
    const rig = asideOfTwo();
    await rig.proceed();
    expect([rig.aside.size, rig.updates, rig.told]).toEqual([0, 1, ['delivered 1']]);
    expect([rig.source.released, rig.source.openReaders]).toEqual([3, 0]);
  });

  it('is tried ever later while it fails', async () => {
    const rig = asideOfTwo();
    rig.answer(down);
    const times: number[] = [];
    for (const _ of range(1, 4)) {
      await rig.proceed();
      times.push(rig.clock.monotonic());
    }
    expect(times).toEqual([0, 1000, 3000, 7000]);
    expect(rig.aside.waiting).toEqual([2]);
  });

  it('that took long is left alone nine times as long', async () => {
    const rig = asideOfTwo();
    rig.answer(() => {
      rig.clock.advance(500);
      down();
    });
    await rig.proceed();
    expect(rig.aside.nextAt).toBe(500 + 4500);
  });

  it('becomes a dead letter once it failed for its time while others got through', async () => {
    const rig = asideOfTwo();
    rig.answer(down);
    await rig.proceed();
    rig.clock.advance(24 * HOUR_MS);
    rig.storeOther();
    await rig.proceed();
    await rig.proceed(); // buried without another try
    expect(rig.tries).toBe(2);
    expect(rig.told.at(-1)).toBe('dead 2: not stored for 86400000 ms while others were: try later');
    expect(rig.aside.size).toBe(0);
  });

  it('waits however long while nothing gets through, and the sink is told not to be well', async () => {
    const rig = asideOfTwo();
    rig.answer(down);
    await rig.proceed();
    rig.clock.advance(48 * HOUR_MS);
    await rig.proceed();
    expect(rig.aside.waiting).toEqual([2]);
    expect(rig.report.worstTrouble).toMatchObject({ kind: 'transient', message: 'try later' });
  });

  it('waits however long where the sink itself is wrong, though others got through', async () => {
    const rig = asideOfTwo();
    rig.answer(() => {
      throw new SinkError('sink', 'bad token');
    });
    await rig.proceed();
    rig.clock.advance(48 * HOUR_MS);
    rig.storeOther();
    await rig.proceed();
    await rig.proceed();
    expect(rig.aside.waiting).toEqual([2]);
  });

  it('that is refused for good becomes a dead letter as soon as the disk takes it', async () => {
    const rig = asideOfTwo();
    rig.answer(() => {
      throw new SinkError('event', 'too long');
    });
    rig.state.deadFault = new Error('disk full');
    await rig.proceed();
    await rig.proceed();
    expect(rig.aside.waiting).toEqual([2]);
    rig.state.deadFault = undefined;
    await rig.proceed();
    expect([rig.tries, rig.told.at(-1), rig.aside.size]).toEqual([1, 'dead 2: too long', 0]);
  });

  it('that is refused for good after many failures tries the disk again as after the first', async () => {
    const rig = asideOfTwo();
    rig.answer(down);
    for (const _ of range(1, 4)) await rig.proceed();
    rig.answer(() => {
      throw new SinkError('event', 'too long');
    });
    await rig.proceed();
    const refusedAt = rig.clock.monotonic();
    rig.state.deadFault = new Error('disk full');
    await rig.proceed();
    expect([rig.clock.monotonic(), rig.aside.nextAt]).toEqual([refusedAt, refusedAt + 1000]);
  });

  it('that cannot be read is not sent, and waits, as all reads do', async () => {
    const rig = asideOfTwo();
    rig.source.fault = new Error('EIO');
    await rig.proceed();
    expect([rig.tries, rig.aside.nextAt, rig.reading.nextAt]).toEqual([0, 1000, 1000]);
    rig.source.fault = undefined;
    await rig.proceed();
    expect([rig.tries, rig.aside.size, rig.reading.isFailing]).toEqual([1, 0, false]);
  });

  it('that has gone is dropped and told', async () => {
    const rig = asideOfTwo();
    rig.source.gone.add(2);
    await rig.proceed();
    expect([rig.tries, rig.aside.size, rig.updates]).toEqual([0, 0, 1]);
    expect(rig.told).toEqual(['trouble sink siem: record 2 was set aside and is no longer there']);
  });

  it('has not failed where the end aborted it', async () => {
    const rig = asideOfTwo();
    rig.answer(() => {
      rig.attempts.end(new Error('stopped'));
      down();
    });
    await rig.proceed();
    expect([rig.tries, rig.told, rig.aside.waiting]).toEqual([1, [], [2]]);
  });

  it('is not sent any more where the end comes while it is read', async () => {
    const rig = asideOfTwo();
    rig.source.onRead = () => rig.attempts.end(new Error('stopped'));
    await rig.proceed();
    expect([rig.tries, rig.aside.waiting]).toEqual([0, [2]]);
    await rig.delivery.close();
    expect(rig.source.openReaders).toBe(0);
  });
});
