import { describe, expect, it } from '@jest/globals';
import type { Attributes, Span } from '@opentelemetry/api';
import { BasicTracerProvider, type SpanLimits } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { encodeEvent } from '../../src/event/attributes.js';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { Capture } from '../../src/exporter/capture.js';
import { collectEvents } from '../../src/exporter/collect.js';
import type { ReadableSpan } from '../../src/exporter/span.js';
import { CAPTURE, type LiveSpan } from '../../src/exporter/span-capture.js';
import { CapturingExporter } from '../support/capturing-exporter.js';
import { diagLog } from '../support/diag-log.js';
import { fakeClock } from '../support/fake-clock.js';

/** As another program might add it, without an id. */
const anonymous = (action: string): Attributes => ({
  'flipt.event.version': '0.2',
  'flipt.event.action': action,
  'flipt.event.type': 'flag',
  'flipt.event.timestamp': '2026-01-31T12:00:00Z',
});
const BROKEN = { 'flipt.event.version': '0.2' };

const startSpan = (spanLimits: SpanLimits = {}) =>
  new BasicTracerProvider({ spanLimits }).getTracer('test').startSpan('request') as LiveSpan;

function watchedSpan(exporter: CapturingExporter, spanLimits?: SpanLimits): LiveSpan {
  const span = startSpan(spanLimits);
  exporter[CAPTURE].watch(span);
  return span;
}

/** `<traceId>-<spanId>-<n>` */
const idOf = (span: Span, n: number | string) =>
  `${span.spanContext().traceId}-${span.spanContext().spanId}-${n}`;

/** The ids that an exporter without a capture gives what the span still holds. */
function stockIds(span: ReadableSpan): string[] {
  const ids: string[] = [];
  collectEvents([span], {
    event: ({ id }) => void ids.push(id),
    malformed: (_, { id }) => void ids.push(id),
    broken: (error) => {
      throw error;
    },
  });
  return ids;
}

describe('a watched span', () => {
  const diagnostics = diagLog();

  it('hands each event on, decoded, when the turn is over, in the order added', () => {
    const exporter = new CapturingExporter();
    const [one, two] = [watchedSpan(exporter), watchedSpan(exporter)];
    const events = ['created', 'updated', 'deleted'].map((action) =>
      createEvent({ type: 'flag', action, actor: { name: 'Ada' }, payload: { action } }),
    );
    addEventToSpan(events[0]!, one);
    addEventToSpan(events[1]!, two);
    addEventToSpan(events[2]!, one);
    expect(exporter.events).toEqual([]);
    expect(exporter.queued).toBe(1);

    exporter.drain();
    expect(exporter.events.map(encodeEvent)).toEqual(events.map(encodeEvent));
    const { traceId, spanId, traceFlags } = one.spanContext();
    expect(exporter.events[0]!.trace).toEqual({ traceId, spanId, traceFlags });
    expect(exporter.events[2]!.trace).toEqual({ traceId, spanId, traceFlags });
    expect(exporter.events[1]!.trace!.spanId).toBe(two.spanContext().spanId);
    expect(exporter.late).toEqual([]);

    exporter.drain();
    expect(exporter.events).toHaveLength(3);
    addEventToSpan(events[0]!, one);
    expect(exporter.queued).toBe(2);
  });

  it('makes one trace for events that follow one another on a span', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    for (const action of ['created', 'updated']) span.addEvent('event', anonymous(action));
    const [first, second] = exporter.drain().events;
    expect(second!.trace).toBe(first!.trace);
  });

  it('keeps what the limits of the SDK cut, drop and shift out', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter, {
      attributeValueLengthLimit: 8,
      attributePerEventCountLimit: 2,
      eventCountLimit: 128,
    });
    const events = Array.from({ length: 500 }, (_, n) =>
      createEvent({ type: 'flag', action: 'created', payload: { n, text: 'x'.repeat(200) } }),
    );
    for (const event of events) addEventToSpan(event, span);
    expect(span.events).toHaveLength(128);
    expect(exporter.drain().events.map(encodeEvent)).toEqual(events.map(encodeEvent));
  });

  it('keeps them where the SDK allows no events at all', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter, { eventCountLimit: 0 });
    span.addEvent('event', anonymous('created'));
    span.addEvent('event', anonymous('updated'));
    expect(span.events).toHaveLength(0);
    expect(exporter.drain().ids).toEqual([idOf(span, 0), idOf(span, 1)]);
  });

  it('numbers events without an id as an export would, other events and dropped ones included', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter, { eventCountLimit: 4 });
    for (let n = 0; n < 6; n += 1) {
      span.addEvent('cache.miss', { key: 'none of ours' });
      span.addEvent('event', n === 4 ? BROKEN : anonymous('created'));
    }
    expect(exporter.drain().ids).toEqual([1, 3, 5, 7, 9, 11].map((n) => idOf(span, n)));
    expect(stockIds(span)).toEqual(exporter.ids.slice(-2));
    expect(exporter.malformed.map(({ id }) => id)).toEqual([idOf(span, 9)]);
  });

  it('passes an exception of recordException by, and counts it', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    span.recordException(new Error('refused'));
    span.addEvent('event', anonymous('created'));
    expect(exporter.drain().ids).toEqual([idOf(span, 1)]);
    expect(stockIds(span)).toEqual(exporter.ids);
  });

  it('takes what is added after its end as late, and numbers that by itself', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    span.addEvent('event', anonymous('created'));
    span.end();
    const event = createEvent({ type: 'flag', action: 'updated' });
    expect(addEventToSpan(event, span)).toBe(true);
    span.addEvent('event', anonymous('deleted'));
    span.addEvent('event', BROKEN);
    span.addEvent('cache.miss', { key: 'none of ours' });
    expect(span.events).toHaveLength(1);
    const late = [event.id, idOf(span, 'late-1'), idOf(span, 'late-2')];
    expect(exporter.drain().ids).toEqual([idOf(span, 0), ...late]);
    expect(exporter.late).toEqual(late);
    expect(exporter.malformed[0]!.late).toBe(true);
  });

  it('lets the SDK warn of what comes after its end only where it is not taken', () => {
    const exporters = [new CapturingExporter(), new CapturingExporter()];
    const span = watchedSpan(exporters[0]!);
    exporters[1]![CAPTURE].watch(span);
    span.end();
    addEventToSpan(createEvent({ type: 'flag', action: 'updated' }), span);
    expect(exporters.map((exporter) => exporter.drain().late.length)).toEqual([1, 1]);
    expect(diagnostics.lines).toEqual([]);
    span.addEvent('cache.miss', { key: 'none of ours' });
    expect(diagnostics.lines).toEqual([expect.stringContaining('ended Span')]);
  });

  it('leaves a span event of somebody else alone, whatever stands in the place of attributes', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    const now = Date.now();
    const add = span.addEvent.bind(span) as (name: string, ...more: unknown[]) => Span;
    for (const second of [undefined, null, now, new Date(now), [1, 2], { key: 'a' }, 'text']) {
      add('other', second);
      add('other', second, now);
    }
    expect(exporter.drain().ids).toEqual([]);
    expect(exporter.queued).toBe(0);
    expect(diagnostics.lines).toEqual([]);
  });

  it('takes attributes that come with a time, and those without a prototype', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    span.addEvent('event', anonymous('created'), new Date());
    span.addEvent('event', Object.assign(Object.create(null), anonymous('updated')), [1, 2]);
    expect(exporter.drain().events.map(({ action }) => action)).toEqual(['created', 'updated']);
  });

  it('takes the attributes as they were when the event was added', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    const attributes = anonymous('created');
    const list = ['a'];
    span.addEvent('event', attributes);
    span.addEvent('event', { ...anonymous('created'), 'flipt.event.status': list });
    attributes['flipt.event.action'] = 'deleted';
    list.push('b');
    expect(exporter.drain().events[0]!.action).toBe('created');
    expect(JSON.parse(exporter.malformed[0]!.attributesText)['flipt.event.status']).toEqual(['a']);
  });

  it('took what was on it before it was watched', () => {
    const exporter = new CapturingExporter();
    const span = startSpan({ eventCountLimit: 2 });
    for (const action of ['created', 'updated', 'deleted']) {
      span.addEvent('event', anonymous(action));
    }
    exporter[CAPTURE].watch(span);
    span.addEvent('event', anonymous('created'));
    expect(exporter.drain().ids).toEqual([1, 2, 3].map((n) => idOf(span, n)));
  });

  it('is not watched where it records nothing', () => {
    const exporter = new CapturingExporter();
    const span = startSpan();
    span.end();
    exporter[CAPTURE].watch(span);
    expect(exporter[CAPTURE].hasSeen(span)).toBe(false);
    expect(Object.hasOwn(span, 'addEvent')).toBe(false);
  });

  it('is taken from once by each of two exporters, and each knows that it has seen it', () => {
    const [one, two, three] = [
      new CapturingExporter(),
      new CapturingExporter(),
      new CapturingExporter(),
    ];
    const span = startSpan();
    for (const exporter of [one, two, one, two]) exporter[CAPTURE].watch(span);
    span.addEvent('event', anonymous('created'));
    span.end();
    for (const exporter of [one, two]) {
      expect(exporter[CAPTURE].hasSeen(span)).toBe(true);
      exporter[CAPTURE].takeEnded(span);
      expect(exporter.drain().ids).toEqual([idOf(span, 0)]);
      expect(exporter[CAPTURE].hasTaken(span)).toBe(false);
    }
    expect(three[CAPTURE].hasSeen(span)).toBe(false);
    expect(span.events).toHaveLength(1);
  });

  it('is not taken from again where somebody covered its addEvent', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter, { attributeValueLengthLimit: 2 });
    const ours = span.addEvent;
    span.addEvent = function (this: Span, ...args) {
      return ours.apply(this, args);
    };
    span.addEvent('event', anonymous('created'));
    span.end();
    expect(exporter[CAPTURE].hasSeen(span)).toBe(false);
    expect(exporter[CAPTURE].hasTaken(span)).toBe(true);
    exporter[CAPTURE].takeEnded(span);
    expect(exporter.drain().ids).toEqual([idOf(span, 0)]);
  });

  it('shares one function with every other span of the exporter, in front of any addEvent', () => {
    const exporter = new CapturingExporter();
    const [one, two, three] = [watchedSpan(exporter), watchedSpan(exporter), startSpan()];
    expect(one.addEvent).toBe(two.addEvent);
    three.addEvent = () => three;
    exporter[CAPTURE].watch(three);
    expect(three.addEvent).not.toBe(one.addEvent);
    expect(watchedSpan(exporter).addEvent).toBe(one.addEvent);
  });
});

describe('a span that was not watched', () => {
  it('is read once when it has ended', () => {
    const exporter = new CapturingExporter();
    const span = startSpan({ eventCountLimit: 2 });
    for (const action of ['created', 'updated', 'deleted']) {
      span.addEvent('event', anonymous(action));
    }
    span.end();
    expect(exporter[CAPTURE].hasTaken(span)).toBe(false);
    exporter[CAPTURE].takeEnded(span);
    exporter[CAPTURE].takeEnded(span);
    expect(exporter[CAPTURE].hasTaken(span)).toBe(true);
    expect(exporter.drain().ids).toEqual([idOf(span, 1), idOf(span, 2)]);
    expect(stockIds(span)).toEqual(exporter.ids);
  });
});

describe('the application', () => {
  const diagnostics = diagLog();

  it('gets what the original addEvent returns, called as it was called', () => {
    const exporter = new CapturingExporter();
    const span = startSpan();
    const calls: unknown[][] = [];
    const result = {};
    span.addEvent = function (this: unknown, ...args: unknown[]) {
      calls.push([this, ...args]);
      return result as never;
    };
    exporter[CAPTURE].watch(span);
    const attributes = anonymous('created');
    expect(span.addEvent('a')).toBe(result);
    expect(span.addEvent('b', attributes)).toBe(result);
    expect(span.addEvent('c', attributes, 1)).toBe(result);
    expect(calls).toEqual([
      [span, 'a'],
      [span, 'b', attributes],
      [span, 'c', attributes, 1],
    ]);
    expect(calls[1]![2]).toBe(attributes);
  });

  it('gets what the original addEvent throws, and the event is captured all the same', () => {
    const exporter = new CapturingExporter();
    const span = startSpan();
    span.addEvent = () => {
      throw new RangeError('full');
    };
    exporter[CAPTURE].watch(span);
    expect(() => span.addEvent('event', anonymous('created'))).toThrow(RangeError('full'));
    expect(exporter.drain().ids).toEqual([idOf(span, 0)]);
    expect(diagnostics.lines).toEqual([]);
  });

  it('does not see what fails in the capture; diag is told once a burst', () => {
    const clock = fakeClock();
    const capture = new Capture(
      {
        queued: () => {
          throw new Error('no room');
        },
        event: () => {
          throw new Error('no disk');
        },
        malformed: () => {},
      },
      clock,
    );
    const span = startSpan();
    capture.watch(span);
    expect(span.addEvent('event', anonymous('created'))).toBe(span);
    span.addEvent('event', anonymous('created'));
    expect(() => capture.drain()).not.toThrow();
    expect(span.events).toHaveLength(2);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: an audit event was not captured: no room',
    ]);
    clock.advance(6000);
    span.addEvent('event', anonymous('created'));
    clock.advance(6000);
    capture.drain();
    expect(diagnostics.lines.at(-1)).toBe(
      'error otel-audit: a captured audit event was lost: no disk',
    );
  });

  it('sees of hostile attributes what it would see without us; what of them is ours is kept', () => {
    const exporter = new CapturingExporter();
    const watched = watchedSpan(exporter);
    const unwatched = startSpan();
    const trap = () => {
      throw new Error('hands off');
    };
    const hostile = [
      Object.defineProperty(anonymous('created'), 'flipt.event.payload', {
        get: trap,
        enumerable: true,
      }),
      new Proxy(anonymous('created'), { get: trap }),
      new Proxy({}, { get: trap, has: trap, ownKeys: trap }),
      new Proxy({}, { get: trap, ownKeys: trap }),
    ];
    const outcome = (span: Span, attributes: Attributes) => {
      try {
        span.addEvent('event', attributes);
        return 'added';
      } catch (error) {
        return String(error);
      }
    };
    for (const attributes of hostile) {
      expect(outcome(watched, attributes)).toBe(outcome(unwatched, attributes));
    }
    exporter.drain();
    expect(exporter.malformed.map(({ reason }) => reason)).toEqual([
      'an attribute could not be read',
      'an attribute could not be read',
    ]);
    expect(JSON.parse(exporter.malformed[0]!.attributesText)).toEqual({
      ...anonymous('created'),
      'flipt.event.payload': '[reading it failed]',
    });
    expect(diagnostics.lines).toEqual([]);
  });
});

describe('an event whose actor is another one each time it is read', () => {
  const diagnostics = diagLog();

  it('is not handed on where what was printed of it could not be read back', () => {
    const seen: string[] = [];
    const span = startSpan();
    const capture = new Capture({
      queued: () => {},
      event: ({ action }) => void seen.push(action),
      malformed: () => undefined,
    });
    capture.watch(span);
    let reads = 0;
    const name = { enumerable: true, get: () => (reads++ === 0 ? 'ada' : 7) };
    const actor = Object.defineProperty({}, 'name', name);
    addEventToSpan(createEvent({ type: 'flag', action: 'created', actor }), span);
    addEventToSpan(createEvent({ type: 'flag', action: 'updated' }), span);
    capture.drain();
    expect(seen).toEqual(['updated']);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: a captured audit event was lost: actor has a member name that is not a string',
    ]);
  });
});

describe('what captures while the capture is drained', () => {
  it('is handed on, in order', () => {
    const seen: string[] = [];
    const span = startSpan();
    const capture = new Capture({
      queued: () => {},
      event: ({ action }) => {
        seen.push(action);
        if (action === 'created') span.addEvent('event', anonymous('checked'));
        if (action === 'updated') capture.drain();
      },
      malformed: () => {},
    });
    capture.watch(span);
    for (const action of ['created', 'updated', 'deleted']) {
      span.addEvent('event', anonymous(action));
    }
    capture.drain();
    expect(seen).toEqual(['created', 'updated', 'deleted', 'checked']);
  });
});

describe('an event that cannot be decoded', () => {
  it('is handed on with its reason, its trace and those attributes that are ours', () => {
    const exporter = new CapturingExporter();
    const span = watchedSpan(exporter);
    span.addEvent('event', { ...anonymous('created'), 'flipt.event.payload': '{', mine: 'x' });
    span.addEvent('event', { 'flipt.event.id': 'given', 'flipt.event.status': 'denied' });
    const { traceId, spanId, traceFlags } = span.spanContext();
    expect(exporter.drain().malformed).toEqual([
      {
        id: idOf(span, 0),
        late: false,
        trace: { traceId, spanId, traceFlags },
        reason: 'flipt.event.payload is not valid JSON',
        attributesText: JSON.stringify({
          'flipt.event.version': '0.2',
          'flipt.event.action': 'created',
          'flipt.event.type': 'flag',
          'flipt.event.timestamp': '2026-01-31T12:00:00Z',
          'flipt.event.payload': '{',
        }),
      },
      {
        id: 'given',
        late: false,
        trace: { traceId, spanId, traceFlags },
        reason: 'flipt.event.version is missing',
        attributesText: '{"flipt.event.status":"denied","flipt.event.id":"given"}',
      },
    ]);
  });
});

describe('whatever is added to whichever span', () => {
  const kinds = {
    given: (n: number) =>
      encodeEvent(createEvent({ type: 'flag', action: 'created', id: `given-${n}` })),
    anonymous: () => anonymous('created'),
    malformed: () => BROKEN,
    other: () => ({ key: 'none of ours' }),
    bare: () => undefined,
  };
  const step = fc.record({
    span: fc.nat(2),
    kind: fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
    next: fc.constantFrom('nothing', 'nothing', 'nothing', 'nothing', 'end', 'drain'),
  });
  const limits = fc.record({
    eventCountLimit: fc.constantFrom(0, 1, 3, 128),
    attributePerEventCountLimit: fc.constantFrom(1, 3, 128),
    attributeValueLengthLimit: fc.constantFrom(1, 20, 10_000),
  });

  it('is handed on once, in order, under the id that an export of the span gives it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), limits, (steps, spanLimits) => {
        const exporter = new CapturingExporter();
        const spans = [0, 1, 2].map(() => watchedSpan(exporter, spanLimits));
        const counts = spans.map(() => ({ all: 0, late: 0 }));
        const expected: string[] = [];
        // As an export finds it: no limits, and nothing is added after the end.
        const twins = spans.map(() => startSpan({ eventCountLimit: 1000 }));
        steps.forEach(({ span: index, kind, next }, n) => {
          const [span, count] = [spans[index]!, counts[index]!];
          const attributes = kinds[kind](n);
          span.addEvent('event', attributes);
          if (!span.ended) twins[index]!.addEvent('event', attributes);
          if (kind !== 'other' && kind !== 'bare') {
            const number = span.ended ? `late-${count.late++}` : count.all;
            expected.push(kind === 'given' ? `given-${n}` : idOf(span, number));
          }
          count.all += 1;
          if (next === 'end' && !span.ended) {
            span.end();
            exporter[CAPTURE].takeEnded(span);
          }
          if (next === 'drain') exporter.drain();
        });
        expect(exporter.drain().ids).toEqual(expected);
        expect(new Set(exporter.ids).size).toBe(exporter.ids.length);
        spans.forEach((span, index) => {
          const [prefix, twin] = [idOf(span, ''), idOf(twins[index]!, '')];
          const inTime = exporter.ids.filter(
            (id) => id.startsWith(prefix) && !exporter.late.includes(id),
          );
          const stock = stockIds(twins[index]!).filter((id) => id.startsWith(twin));
          expect(inTime).toEqual(stock.map((id) => id.replace(twin, prefix)));
        });
      }),
      { numRuns: 200 },
    );
  });
});
