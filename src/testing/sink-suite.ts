import assert from 'node:assert/strict';
import { decodeEvent, encodeEvent } from '../event/attributes.js';
import { type AuditEvent, createEvent } from '../event/event.js';
import { eventToJson } from '../event/json.js';
import type { SendContext, Sink } from '../sink.js';

/** A sink under test, with a way to see what arrived at its far side. */
export interface SinkFixture {
  readonly sink: Sink;
  /** The event JSON (Flipt's fields) of everything stored at the far side, in order. */
  stored(): Promise<readonly string[]>;
  /** Makes the far side refuse. Where that cannot be brought about, say so in `without`. */
  breakFarSide?(): Promise<void>;
  /** Makes it accept again. */
  mendFarSide?(): Promise<void>;
  /** Frees what the fixture opened. Called after the sink was closed. */
  dispose?(): Promise<void>;
}

/** The functions of a test runner: Jest's, Vitest's or node:test's. Default: the global ones. */
export interface SuiteRunner {
  describe(name: string, body: () => void): void;
  readonly it: SuiteTest;
}

/** Registers a test. */
export interface SuiteTest {
  (name: string, body: () => Promise<void>): void;
  /** Registers one that is not run, but shown. */
  skip?(name: string, body: () => Promise<void>): void;
}

/** What a fixture or its sink may lack. */
export type SuiteNeed = 'breakFarSide' | 'close';

/** What {@link sinkSuite} takes beside a fixture; `describe` and `it` by default the global ones. */
export interface SinkSuiteOptions extends Partial<SuiteRunner> {
  /**
   * What there is not: the tests that need it show as skipped. Where it is not named here, its absence
   * fails them, so that nothing passes untested.
   */
  readonly without?: readonly SuiteNeed[] | undefined;
}

/**
 * The contract of a sink as tests, for any sink and any runner.
 *
 * @param name what the group of tests is called
 * @param create makes a fresh sink with an empty far side, once a test
 * @throws {TypeError} where neither the options nor the globals have `describe` and `it`.
 * @example
 * sinkSuite('mySink', async () => ({ sink: mySink(), stored: async () => readBack() }), {
 *   without: ['breakFarSide'],
 * });
 */
export function sinkSuite(
  name: string,
  create: () => Promise<SinkFixture>,
  options: SinkSuiteOptions = {},
): void {
  const runner = runnerOf(options);
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
    const itNeeding = <Need extends SuiteNeed>(
      need: Need,
      title: string,
      body: (fixture: SinkFixture & Needed[Need]) => Promise<void>,
    ) => {
      if (options.without?.includes(need) === true) skip(runner, title, need);
      else it(title, (fixture) => body(requireNeed(fixture, need)));
    };

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

    it('stores JSON as it was recorded, with numbers beyond 2^53', async (fixture) => {
      const texts = ['{"amount":12345678901234567890.10,"note":1e400}', '9007199254740993', '-0.0'];
      const first = texts.map(eventWithPayload);
      const again = first.map((event) => decoded(encodeEvent(event))); // parsed only when looked at
      await fixture.sink.sendAudits([...first, ...again], live());
      const stored = await fixture.stored();
      assert.deepEqual(stored.map(payloadOf), [...texts, ...texts]);
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

    itNeeding('close', 'settles a send that is under way when it is closed', async (fixture) => {
      const events = sampleEvents(10);
      const send = fixture.sink.sendAudits(events, live()).then(
        () => true,
        () => false,
      );
      await fixture.sink.close();
      if (await send) assert.deepEqual(await fixture.stored(), toJson(events));
    });

    itNeeding(
      'close',
      'rejects a send after it was closed, and may be closed twice',
      async (fixture) => {
        await fixture.sink.close();
        await fixture.sink.close();
        await assert.rejects(fixture.sink.sendAudits(sampleEvents(1), live()));
      },
    );

    itNeeding(
      'breakFarSide',
      'rejects while the far side refuses, and stores again once it is mended',
      async (fixture) => {
        const [refused, stored] = [sampleEvents(3), sampleEvents(3)];
        await fixture.breakFarSide();
        await assert.rejects(fixture.sink.sendAudits(refused, live()), Error);
        await fixture.mendFarSide();
        await fixture.sink.sendAudits(stored, live());
        assert.deepEqual((await fixture.stored()).slice(-3), toJson(stored));
      },
    );
  });
}

function runnerOf(options: SinkSuiteOptions): SuiteRunner {
  const globals = globalThis as Partial<SuiteRunner>;
  const { describe = globals.describe, it = globals.it } = options;
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it };
  throw new TypeError(
    'sinkSuite: no global describe and it; pass { describe, it } as third argument',
  );
}

/** What a fixture surely has where it has what is needed. */
interface Needed {
  readonly breakFarSide: Required<Pick<SinkFixture, 'breakFarSide' | 'mendFarSide'>>;
  readonly close: { readonly sink: Required<Sink> };
}

const LACKS: Readonly<Record<SuiteNeed, string>> = {
  breakFarSide: 'the fixture has no breakFarSide and mendFarSide',
  close: 'the sink has no close',
};

function requireNeed<Need extends SuiteNeed>(
  fixture: SinkFixture,
  need: Need,
): SinkFixture & Needed[Need] {
  const { sink, breakFarSide, mendFarSide } = fixture;
  const parts = need === 'close' ? [sink.close] : [breakFarSide, mendFarSide];
  assert.ok(
    parts.every((part) => typeof part === 'function'),
    `${LACKS[need]}; add it, or pass { without: ['${need}'] } and this test shows as skipped`,
  );
  return fixture as SinkFixture & Needed[Need];
}

function skip(runner: SuiteRunner, title: string, need: SuiteNeed): void {
  const nothing = async () => {};
  if (typeof runner.it.skip === 'function') runner.it.skip(title, nothing);
  else runner.it(`${title} (skipped: ${LACKS[need]})`, nothing);
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

/** An event whose payload is known by its text alone, as from a span. */
function eventWithPayload(text: string): AuditEvent {
  const attributes = encodeEvent(createEvent({ type: 'flag', action: 'created' }));
  return decoded({ ...attributes, 'flipt.event.payload': text });
}

function decoded(attributes: Parameters<typeof decodeEvent>[0]): AuditEvent {
  const result = decodeEvent(attributes);
  assert.ok(result.kind === 'event');
  return result.event;
}

const payloadOf = (json: string): string | undefined =>
  /"payload":(.*?),"timestamp"/.exec(json)?.[1];

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
