import assert from 'node:assert/strict';
import { type AuditEvent, createEvent } from '../event/event.js';
import { eventToJson } from '../event/json.js';
import type { SendContext, Sink } from '../sink.js';

/** A sink under test, with a way to see what arrived at its far side. */
export interface SinkFixture {
  readonly sink: Sink;
  /** The event JSON (Flipt's fields) of everything stored at the far side, in order. */
  stored(): Promise<readonly string[]>;
  /** Makes the far side refuse, until `mend`. Leave out where that cannot be brought about. */
  breakFarSide?(): Promise<void>;
  mendFarSide?(): Promise<void>;
  /** Frees what the fixture opened. Called after the sink was closed. */
  dispose?(): Promise<void>;
}

/** The functions of a test runner: Jest's, Vitest's or node:test's. Default: the global ones. */
export interface SuiteRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
}

/**
 * The contract of a sink as tests, for any sink and any runner.
 *
 * @param name what the group of tests is called
 * @param create makes a fresh sink with an empty far side, once a test
 * @example
 * sinkSuite('mySink', async () => ({ sink: mySink(), stored: async () => readBack() }));
 */
export function sinkSuite(
  name: string,
  create: () => Promise<SinkFixture>,
  runner: SuiteRunner = globalThis as unknown as SuiteRunner,
): void {
  if (typeof runner?.describe !== 'function' || typeof runner.it !== 'function') {
    throw new TypeError(
      'sinkSuite: no global describe and it; pass { describe, it } as third argument',
    );
  }
  runner.describe(`${name} keeps the contract of a sink`, () => {
    const it = (title: string, body: (fixture: SinkFixture) => Promise<void>) =>
      runner.it(title, async () => {
        const fixture = await create();
        try {
          await body(fixture);
        } finally {
          await fixture.sink.close?.();
          await fixture.dispose?.();
        }
      });

    it('has stored every event of a batch, in order, once its promise resolves', async (fixture) => {
      const events = sampleEvents(25);
      await fixture.sink.sendAudits(events, live());
      assert.deepEqual(await fixture.stored(), toJson(events));
    });

    it('keeps the order of batches sent one after another', async (fixture) => {
      const events = sampleEvents(30);
      for (let at = 0; at < events.length; at += 10) {
        await fixture.sink.sendAudits(events.slice(at, at + 10), live());
      }
      assert.deepEqual(await fixture.stored(), toJson(events));
    });

    it('stores awkward content unaltered', async (fixture) => {
      const events = awkwardEvents();
      await fixture.sink.sendAudits(events, live());
      assert.deepEqual(await fixture.stored(), toJson(events));
    });

    it('stores a batch of a thousand events whole', async (fixture) => {
      const events = sampleEvents(1000);
      await fixture.sink.sendAudits(events, live());
      assert.deepEqual(await fixture.stored(), toJson(events));
    });

    it('resolves for an empty batch and stores nothing', async (fixture) => {
      await fixture.sink.sendAudits([], live());
      assert.deepEqual(await fixture.stored(), []);
    });

    it('rejects a batch whose signal is aborted already', async (fixture) => {
      const signal = AbortSignal.abort(new Error('deadline'));
      await assert.rejects(fixture.sink.sendAudits(sampleEvents(2), { signal, attempt: 1 }));
      assert.deepEqual(await fixture.stored(), []);
    });

    it('settles a send that is under way when it is closed', async (fixture) => {
      const events = sampleEvents(10);
      const send = fixture.sink.sendAudits(events, live()).then(
        () => true,
        () => false,
      );
      await fixture.sink.close?.();
      if (await send) assert.deepEqual(await fixture.stored(), toJson(events));
    });

    it('rejects a send after it was closed, and may be closed twice', async (fixture) => {
      if (fixture.sink.close === undefined) return;
      await fixture.sink.close();
      await fixture.sink.close();
      await assert.rejects(fixture.sink.sendAudits(sampleEvents(1), live()));
    });

    it('rejects while the far side refuses, and stores again once it is mended', async (fixture) => {
      if (fixture.breakFarSide === undefined || fixture.mendFarSide === undefined) return;
      const [refused, stored] = [sampleEvents(3), sampleEvents(3)];
      await fixture.breakFarSide();
      await assert.rejects(fixture.sink.sendAudits(refused, live()), Error);
      await fixture.mendFarSide();
      await fixture.sink.sendAudits(stored, live());
      assert.deepEqual((await fixture.stored()).slice(-3), toJson(stored));
    });
  });
}

const live = (): SendContext => ({ signal: new AbortController().signal, attempt: 1 });

const toJson = (events: readonly AuditEvent[]): string[] =>
  events.map((event) => eventToJson(event));

function sampleEvents(count: number): AuditEvent[] {
  return Array.from({ length: count }, (_, n) =>
    createEvent({
      type: 'flag',
      action: n % 2 === 0 ? 'created' : 'updated',
      actor: { authentication: 'token', ip: '127.0.0.1' },
      payload: { key: `flag-${n}`, enabled: n % 3 === 0 },
    }),
  );
}

function awkwardEvents(): AuditEvent[] {
  const payloads: unknown[] = [
    undefined,
    null,
    'a line\nbreak, a "quote", a \\ and a tab\t',
    { text: 'ünïcödé 日本語 🎉 \u2028\u2029\u0000' },
    JSON.parse('{"__proto__":{"polluted":true},"constructor":"x"}'),
    [[], {}, '', 0, -0.5, 1e300, true],
    'x'.repeat(200_000),
  ];
  return payloads.map((payload) =>
    createEvent({ type: 'flag', action: 'created', status: 'denied', payload }),
  );
}
