import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { context, INVALID_SPAN_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { systemClock } from '../../src/clock.js';
import { encodeEvent } from '../../src/event/attributes.js';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { unrecordedCount } from '../../src/event/unrecorded.js';
import { diagLog } from '../support/diag-log.js';

const event = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
const tracer = new BasicTracerProvider().getTracer('test');
const QUIET_MS = 6000;
const startSpan = () => tracer.startSpan('request') as Span & ReadableSpan;

describe('adding an event to a span', () => {
  const diagnostics = diagLog();
  const manager = new AsyncLocalStorageContextManager();
  beforeAll(() => {
    context.setGlobalContextManager(manager.enable());
  });
  afterAll(() => context.disable());
  // What is told once a burst asks the system's clock, which stands still here.
  let now = 0;
  const advance = (ms: number) => {
    now += ms;
  };
  beforeEach(() => {
    jest.spyOn(systemClock, 'monotonic').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('takes the active span, across an await', async () => {
    const span = startSpan();
    const added = await context.with(trace.setSpan(context.active(), span), async () => {
      await Promise.resolve();
      return addEventToSpan(event);
    });
    expect(added).toBe(true);
    expect(span.events).toMatchObject([{ name: 'event', attributes: encodeEvent(event) }]);
  });

  it('takes the span that it is given instead of the active one', () => {
    const [active, given] = [startSpan(), startSpan()];
    context.with(trace.setSpan(context.active(), active), () => {
      expect(addEventToSpan(event, given)).toBe(true);
    });
    expect(active.events).toHaveLength(0);
    expect(given.events).toHaveLength(1);
  });

  it('says false when there is no span', () => {
    expect(addEventToSpan(event)).toBe(false);
    expect(addEventToSpan(event, null as unknown as Span)).toBe(false);
  });

  it('says false when the span records nothing', () => {
    const ended = startSpan();
    ended.end();
    expect(addEventToSpan(event, ended)).toBe(false);
    expect(ended.events).toHaveLength(0);
    expect(addEventToSpan(event, trace.wrapSpanContext(INVALID_SPAN_CONTEXT))).toBe(false);
    const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
    expect(addEventToSpan(event, unsampled.getTracer('test').startSpan('x'))).toBe(false);
  });

  it('counts what nobody recorded, for the whole process, and tells diag once a burst', () => {
    advance(QUIET_MS);
    const before = unrecordedCount();
    const ended = startSpan();
    ended.end();
    expect(addEventToSpan(event, startSpan())).toBe(true);
    addEventToSpan(event);
    addEventToSpan(event, ended);
    addEventToSpan(event, ended);
    expect(unrecordedCount()).toBe(before + 3);
    const otherCopy = otherCopyOf<typeof import('../../src/event/unrecorded.js')>('unrecorded');
    expect(otherCopy.unrecordedCount).not.toBe(unrecordedCount);
    expect(otherCopy.unrecordedCount()).toBe(before + 3);
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain(
      'warn otel-audit: an audit event was not recorded: there is no active span; ' +
        'addEventToSpan returned false, sendAudits takes it',
    );
    advance(QUIET_MS);
    addEventToSpan(event, ended);
    expect(diagnostics.lines).toHaveLength(2);
    expect(diagnostics.lines[1]).toContain('its span is not recording');
    expect(diagnostics.lines[1]).toContain('(and 2 more like it before)');
  });

  it('goes to a span that has ended where its addEvent is watched', () => {
    const before = unrecordedCount();
    const added: unknown[] = [];
    const ended = startSpan();
    ended.addEvent = Object.assign(
      (...args: unknown[]) => {
        added.push(args);
        return ended;
      },
      { [Symbol.for('otel-audit.watching')]: { capture: {}, original: ended.addEvent } },
    );
    ended.end();
    expect(addEventToSpan(event, ended)).toBe(true);
    expect(added).toEqual([['event', encodeEvent(event)]]);
    expect(unrecordedCount()).toBe(before);
  });

  it('never throws: says false, and through diag why', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const span = startSpan();
    const before = unrecordedCount();
    expect(addEventToSpan({ ...event, payload: cycle }, span)).toBe(false);
    expect(addEventToSpan(null as unknown as typeof event, span)).toBe(false);
    const broken = {
      isRecording: () => true,
      addEvent: () => {
        throw new Error('full');
      },
    };
    expect(addEventToSpan(event, broken as unknown as Span)).toBe(false);
    expect(span.events).toHaveLength(0);
    expect(unrecordedCount()).toBe(before + 3);
    expect(diagnostics.lines).toHaveLength(3);
    expect(diagnostics.lines[2]).toBe('error otel-audit: an audit event was not recorded: full');
  });
});

/** A module of src/event as the CommonJS copy of the package would have it beside the ESM one. */
function otherCopyOf<Module>(name: string): Module {
  let copy: Module | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<Module>(`../../src/event/${name}.js`);
  });
  return copy!;
}
