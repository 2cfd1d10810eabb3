import nodeTest from 'node:test';
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import type { SendContext, Sink } from '../../src/sink.js';
import {
  type SinkFixture,
  type SuiteNeed,
  type SuiteRunner,
  type SuiteTest,
  sinkSuite,
} from '../../src/testing/sink-suite.js';

/** Runs the suite with a runner of its own and gives the titles of the tests by how they ended. */
async function outcome(
  create: () => Promise<SinkFixture>,
  { without, canSkip = true }: { without?: SuiteNeed[]; canSkip?: boolean } = {},
) {
  const tests: { title: string; body: () => Promise<void> }[] = [];
  const [groups, skipped]: [string[], string[]] = [[], []];
  const it: SuiteTest = (title, body) => void tests.push({ title, body });
  if (canSkip) it.skip = (title) => void skipped.push(title);
  sinkSuite('this sink', create, {
    describe: (name, body) => {
      groups.push(name);
      body();
    },
    it,
    without,
  });
  const [failed, faults]: [string[], string[]] = [[], []];
  for (const { title, body } of tests) {
    await body().catch((error: Error) => {
      failed.push(title);
      faults.push(error.message);
    });
  }
  return { groups, failed, faults, skipped, titles: tests.map(({ title }) => title) };
}

/** A sound sink in memory with one part replaced. */
function fixture(flaw: Partial<Flaws> = {}): () => Promise<SinkFixture & { disposed?: boolean }> {
  return async () => {
    const kept: string[] = [];
    let closed = false;
    let broken = false;
    const flaws = { ...SOUND, ...flaw };
    const sink: Sink = {
      async sendAudits(events, { signal }: SendContext) {
        if (closed) flaws.whenClosed();
        if (signal.aborted) flaws.whenAborted();
        if (broken) flaws.whenBroken();
        kept.push(...flaws.keep(events).map(flaws.print));
      },
      async close() {
        if (closed) flaws.whenClosedAgain();
        closed = true;
      },
    };
    return {
      sink,
      stored: async () => kept,
      breakFarSide: async () => {
        broken = true;
      },
      mendFarSide: async () => {
        broken = flaws.staysBroken;
      },
    };
  };
}

const refuse = (): void => {
  throw new Error('refused');
};

const SOUND = {
  keep: (events: readonly AuditEvent[]): readonly AuditEvent[] => events,
  print: (event: AuditEvent): string => eventToJson(event),
  whenClosed: refuse,
  whenClosedAgain: () => {},
  whenAborted: refuse,
  whenBroken: refuse,
  staysBroken: false,
};
type Flaws = typeof SOUND;

const BROKEN = 'rejects while the far side refuses, and stores again once it is mended';
const CLOSED = 'rejects a send after it was closed, and may be closed twice';
const CLOSING = 'settles a send that is under way when it is closed';
const DONE = 'has stored every event of a batch, in order, once its promise resolves';

describe('the sink suite', () => {
  it('passes a sound sink', async () => {
    const { groups, failed, skipped, titles } = await outcome(fixture());
    expect(groups).toEqual(['this sink keeps the contract of a sink']);
    expect(failed).toEqual([]);
    expect(skipped).toEqual([]);
    expect(titles.length).toBeGreaterThanOrEqual(10);
  });

  it.each<[string, Partial<Flaws>, string]>([
    ['drops the last event', { keep: (events) => events.slice(0, -1) }, DONE],
    ['reorders', { keep: (events) => events.toReversed() }, DONE],
    [
      'stores an event twice',
      { keep: (events) => [...events, ...events.slice(-1)] },
      'keeps the order of batches sent one after another',
    ],
    [
      'stores at most 512 events a batch',
      { keep: (events) => events.slice(0, 512) },
      'stores a batch of a thousand events whole',
    ],
    [
      'prints the payload anew with its line breaks',
      { print: (event) => JSON.stringify(JSON.parse(eventToJson(event)), null, 1) },
      'stores awkward content unaltered',
    ],
    [
      'parses and prints anew',
      { print: (event) => JSON.stringify(JSON.parse(eventToJson(event))) },
      'stores JSON as it was recorded, with numbers beyond 2^53',
    ],
    [
      'cuts long texts',
      { print: (event) => eventToJson(event).slice(0, 100_000) },
      'stores awkward content unaltered',
    ],
    [
      'resolves when aborted',
      { whenAborted: () => {} },
      'rejects a batch whose signal is aborted already',
    ],
    ['takes events after it was closed', { whenClosed: () => {} }, CLOSED],
    ['cannot be closed twice', { whenClosedAgain: refuse }, CLOSED],
    ['resolves though the far side refuses', { whenBroken: () => {} }, BROKEN],
    ['does not recover', { staysBroken: true }, BROKEN],
  ])('fails a sink that %s', async (_flaw, flaw, title) => {
    const { failed } = await outcome(fixture(flaw));
    expect(failed).toContain(title);
  });

  it('closes the sink and disposes of the fixture after each test, a failed one too', async () => {
    let open = 0;
    const { titles, failed } = await outcome(async () => {
      open += 1;
      const sound = await fixture({ keep: () => [] })();
      return {
        ...sound,
        dispose: async () => {
          open -= 1;
        },
      };
    });
    expect(failed.length).toBeGreaterThan(0);
    expect(titles.length).toBeGreaterThan(failed.length);
    expect(open).toBe(0);
  });

  describe('whose far side cannot be broken', () => {
    const unbreakable = async () => {
      const { sink, stored } = await fixture()();
      return { sink, stored };
    };

    it('shows the test of it as skipped', async () => {
      const { failed, skipped, titles } = await outcome(unbreakable, { without: ['breakFarSide'] });
      expect(failed).toEqual([]);
      expect(skipped).toEqual([BROKEN]);
      expect(titles).not.toContain(BROKEN);
    });

    it('says so in its title where the runner cannot skip', async () => {
      const { failed, titles } = await outcome(unbreakable, {
        without: ['breakFarSide'],
        canSkip: false,
      });
      expect(failed).toEqual([]);
      expect(titles.filter((title) => title.startsWith(BROKEN))).toEqual([
        `${BROKEN} (skipped: the fixture has no breakFarSide and mendFarSide)`,
      ]);
    });

    it('fails, with the remedy, where nobody said so', async () => {
      const { failed, faults } = await outcome(unbreakable);
      expect(failed).toEqual([BROKEN]);
      expect(faults).toEqual([
        "the fixture has no breakFarSide and mendFarSide; add it, or pass { without: ['breakFarSide'] } and this test shows as skipped",
      ]);
    });
  });

  it('skips what a sink without close cannot show, and fails where nobody said so', async () => {
    const endless = async () => {
      const { sink, ...others } = await fixture()();
      return { ...others, sink: { sendAudits: sink.sendAudits } };
    };
    const told = await outcome(endless, { without: ['close'] });
    expect([told.failed, told.skipped]).toEqual([[], [CLOSING, CLOSED]]);
    expect((await outcome(endless)).failed).toEqual([CLOSING, CLOSED]);
  });

  it('takes describe and it of Jest and of node:test', () => {
    const runners: SuiteRunner[] = [
      { describe, it },
      { describe: nodeTest.describe, it: nodeTest.it },
    ];
    for (const runner of runners) expect(typeof runner.it.skip).toBe('function');
  });
});
