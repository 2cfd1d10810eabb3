import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import type { SendContext, Sink } from '../../src/sink.js';
import { type SinkFixture, sinkSuite } from '../../src/testing/sink-suite.js';

/** Runs the suite with a runner of its own and gives the titles of the tests that failed. */
async function failures(create: () => Promise<SinkFixture>) {
  const tests: { title: string; body: () => Promise<void> }[] = [];
  const groups: string[] = [];
  sinkSuite('this sink', create, {
    describe: (name, body) => {
      groups.push(name);
      body();
    },
    it: (title, body) => void tests.push({ title, body }),
  });
  const failed: string[] = [];
  for (const { title, body } of tests) {
    await body().catch(() => failed.push(title));
  }
  return { groups, failed, count: tests.length };
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

const DONE = 'has stored every event of a batch, in order, once its promise resolves';

describe('the sink suite', () => {
  it('passes a sound sink', async () => {
    const { groups, failed, count } = await failures(fixture());
    expect(groups).toEqual(['this sink keeps the contract of a sink']);
    expect(failed).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(9);
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
      'cuts long texts',
      { print: (event) => eventToJson(event).slice(0, 100_000) },
      'stores awkward content unaltered',
    ],
    [
      'resolves when aborted',
      { whenAborted: () => {} },
      'rejects a batch whose signal is aborted already',
    ],
    [
      'takes events after it was closed',
      { whenClosed: () => {} },
      'rejects a send after it was closed, and may be closed twice',
    ],
    [
      'cannot be closed twice',
      { whenClosedAgain: refuse },
      'rejects a send after it was closed, and may be closed twice',
    ],
    [
      'resolves though the far side refuses',
      { whenBroken: () => {} },
      'rejects while the far side refuses, and stores again once it is mended',
    ],
    [
      'does not recover',
      { staysBroken: true },
      'rejects while the far side refuses, and stores again once it is mended',
    ],
  ])('fails a sink that %s', async (_flaw, flaw, title) => {
    const { failed } = await failures(fixture(flaw));
    expect(failed).toContain(title);
  });

  it('closes the sink and disposes of the fixture after each test, a failed one too', async () => {
    let open = 0;
    const { count, failed } = await failures(async () => {
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
    expect(count).toBeGreaterThan(failed.length);
    expect(open).toBe(0);
  });
});
