import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';

describe('event JSON', () => {
  const event = createEvent({
    type: 'flag',
    action: 'created',
    actor: { authentication: 'token', ip: '127.0.0.1' },
    payload: { key: 'a', enabled: false },
    timestamp: '2026-01-31T12:00:00Z',
    id: 'id-1',
  });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  const flipt =
    '{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"token","ip":"127.0.0.1"}},"payload":{"key":"a","enabled":false},"timestamp":"2026-01-31T12:00:00.000Z","status":"success"';

  it("has Flipt's members in Flipt's order", () => {
    expect(eventToJson(event)).toBe(`${flipt}}`);
    expect(eventToJson(event, { fields: 'flipt' })).toBe(`${flipt}}`);
    expect(eventToJson({ ...event, trace })).toBe(`${flipt}}`);
  });

  it('has id and, where there is one, trace at the end when it is full', () => {
    expect(eventToJson(event, { fields: 'full' })).toBe(`${flipt},"id":"id-1"}`);
    expect(eventToJson({ ...event, trace }, { fields: 'full' })).toBe(
      `${flipt},"id":"id-1","trace":{"traceId":"${trace.traceId}","spanId":"${trace.spanId}","traceFlags":1}}`,
    );
  });

  it("is the body of Flipt's webhook test, an event written by hand", () => {
    const byHand = {
      id: '',
      version: '',
      type: 'flag',
      action: 'create',
      metadata: {},
      timestamp: '',
    };
    expect(eventToJson(byHand)).toBe(
      '{"version":"","type":"flag","action":"create","metadata":{},"payload":null,"timestamp":"","status":""}',
    );
  });

  it('has {} without an actor, null without a payload and "" without a status', () => {
    const bare = createEvent({ type: 'flag', action: 'created', status: '' });
    expect(eventToJson(bare)).toContain('"metadata":{},"payload":null,');
    expect(eventToJson(bare)).toMatch(/,"status":""\}$/);
    expect(eventToJson({ ...bare, payload: null })).toContain('"payload":null,');
  });

  it('quotes every text, long words too', () => {
    const awkward = createEvent({
      type: 'a "quoted" \\ name',
      action: `${'long '.repeat(20)}"x"`,
      status: 'two\nlines',
      id: '"id"',
    });
    const json = eventToJson(awkward, { fields: 'full' });
    expect(json).not.toContain('\n');
    expect(JSON.parse(json)).toMatchObject({
      type: awkward.type,
      action: awkward.action,
      status: 'two\nlines',
      id: '"id"',
    });
    expect(eventToJson(awkward, { fields: 'full' })).toBe(json);
  });

  it('throws for an event written by hand that JSON cannot carry', () => {
    expect(() => eventToJson({ ...event, payload: 1n })).toThrow(TypeError);
  });

  it('is right for more words than it remembers', () => {
    for (let n = 0; n < 3000; n += 1) {
      const numbered = createEvent({ type: `type-${n}`, action: 'created' });
      expect(JSON.parse(eventToJson(numbered))).toMatchObject({ type: `type-${n}` });
    }
  });
});

describe('a hand-made event', () => {
  const event = createEvent({ type: 'flag', action: 'created' });

  it('cannot forge a line through its trace flags', () => {
    const traceFlags = '1}}\n{"forged":true' as unknown as number;
    const trace = { traceId: 'a', spanId: 'b', traceFlags };
    const line = eventToJson({ ...event, trace }, { fields: 'full' });
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({ trace: { traceFlags: 0 } });
  });

  it('is refused where it lacks a text, rather than printed as no JSON', () => {
    const lacking = { ...event, timestamp: undefined as unknown as string };
    expect(() => eventToJson(lacking)).toThrow(TypeError);
  });
});
