import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { decodeEvent, encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';

const valid = {
  'flipt.event.version': '0.2',
  'flipt.event.action': 'created',
  'flipt.event.type': 'flag',
  'flipt.event.timestamp': '2026-01-31T12:00:00.000Z',
  'flipt.event.status': 'success',
  'flipt.event.metadata.actor': '{"authentication":"token","ip":"127.0.0.1"}',
  'flipt.event.payload': '{"key":"a"}',
  'flipt.event.id': 'id-1',
};

const SECRET = 'hunter2';

function decoded(attributes: unknown): AuditEvent {
  const result = decodeEvent(attributes as Attributes);
  if (result.kind !== 'event') throw new Error(`not an event: ${JSON.stringify(result)}`);
  return result.event;
}

function reason(attributes: unknown): string {
  const result = decodeEvent(attributes as Attributes);
  if (result.kind !== 'malformed') throw new Error(`not malformed: ${result.kind}`);
  return result.reason;
}

const word = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names hold none
  .filter((text) => !/[:*\u0000-\u001f\u007f-\u009f]/.test(text));

const eventInit = fc.record(
  {
    type: word,
    action: word,
    status: fc.string({ unit: 'binary' }),
    actor: fc.record({ ip: fc.string(), name: fc.string(), more: fc.jsonValue() }),
    payload: fc.jsonValue(),
    timestamp: fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    }),
  },
  { requiredKeys: ['type', 'action'] },
);

describe('encoded attributes', () => {
  it("are strings under Flipt's keys, and the id beside them", () => {
    const event = createEvent({
      type: 'flag',
      action: 'created',
      actor: { authentication: 'token', ip: '127.0.0.1' },
      payload: { key: 'a' },
      timestamp: '2026-01-31T12:00:00Z',
      id: 'id-1',
    });
    expect(encodeEvent(event)).toEqual(valid);
  });

  it('say null for no actor and leave an absent payload and an empty status out', () => {
    const event = createEvent({ type: 'flag', action: 'created', status: '', id: 'id-1' });
    expect(encodeEvent(event)).toEqual({
      'flipt.event.version': '0.2',
      'flipt.event.action': 'created',
      'flipt.event.type': 'flag',
      'flipt.event.timestamp': event.timestamp,
      'flipt.event.metadata.actor': 'null',
      'flipt.event.id': 'id-1',
    });
    expect(encodeEvent({ ...event, payload: 1 })).toEqual({
      ...encodeEvent(event),
      'flipt.event.payload': '1',
    });
  });

  it('decode to the event they were made of, whatever the event', () => {
    fc.assert(
      fc.property(eventInit, (init) => {
        const event = createEvent(init);
        const attributes = encodeEvent(event);
        const again = decoded(attributes);
        expect(eventToJson(again, { fields: 'full' })).toBe(eventToJson(event, { fields: 'full' }));
        expect(encodeEvent(again)).toEqual(attributes);
        expect(eventToJson(again)).not.toMatch(/[\n\r]/);
        expect(() => JSON.parse(eventToJson(again))).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });
});

describe('decoding', () => {
  it('gives a frozen event with everything that the attributes say', () => {
    const event = decoded(valid);
    expect(Object.isFrozen(event)).toBe(true);
    expect(event).toMatchObject({
      id: 'id-1',
      version: '0.2',
      type: 'flag',
      action: 'created',
      status: 'success',
      metadata: { actor: { authentication: 'token', ip: '127.0.0.1' } },
      payload: { key: 'a' },
      timestamp: '2026-01-31T12:00:00.000Z',
    });
  });

  it("takes Flipt's own attributes, without an id, actor null, local offset", () => {
    const event = decoded({
      'flipt.event.version': '0.1',
      'flipt.event.action': 'created',
      'flipt.event.type': 'flag',
      'flipt.event.timestamp': '2023-07-01T10:00:00+02:00',
      'flipt.event.metadata.actor': 'null',
    });
    expect(event).toMatchObject({ id: '', version: '0.1', metadata: {} });
    expect(event.timestamp).toBe('2023-07-01T10:00:00+02:00');
    expect(event).not.toHaveProperty('payload');
    expect(event).not.toHaveProperty('status');
  });

  it('ignores attributes of others beside ours', () => {
    expect(decoded({ ...valid, other: 5, 'flipt.event.future': [1] }).id).toBe('id-1');
  });

  it.each([{}, { message: 'hi' }, { __proto__: null }, [], 'text', 5, null, undefined])(
    'finds nothing of ours in %j',
    (attributes) => {
      expect(decodeEvent(attributes as unknown as Attributes)).toEqual({ kind: 'none' });
    },
  );

  it.each([
    ['version', undefined, 'flipt.event.version is missing'],
    ['version', '', 'flipt.event.version is empty'],
    ['version', 2, 'flipt.event.version must be a string, not a number'],
    ['action', undefined, 'flipt.event.action is missing'],
    ['action', '', 'flipt.event.action is empty'],
    ['action', [SECRET], 'flipt.event.action must be a string, not an array'],
    ['action', `${SECRET}*`, "flipt.event.action must not contain ':', '*' or a control character"],
    ['type', undefined, 'flipt.event.type is missing'],
    ['type', true, 'flipt.event.type must be a string, not a boolean'],
    ['type', `${SECRET}\n`, "flipt.event.type must not contain ':', '*' or a control character"],
    ['timestamp', undefined, 'flipt.event.timestamp is missing'],
    ['timestamp', SECRET, 'flipt.event.timestamp is not an RFC 3339 time'],
    ['timestamp', 5, 'flipt.event.timestamp must be a string, not a number'],
    ['status', 5, 'flipt.event.status must be a string, not a number'],
    ['metadata.actor', '', 'flipt.event.metadata.actor is not valid JSON'],
    ['metadata.actor', SECRET, 'flipt.event.metadata.actor is not valid JSON'],
    ['metadata.actor', `"${SECRET}"`, 'flipt.event.metadata.actor is not a JSON object'],
    ['metadata.actor', `["${SECRET}"]`, 'flipt.event.metadata.actor is not a JSON object'],
    [
      'metadata.actor',
      '{"ip":5}',
      'flipt.event.metadata.actor has a member ip that is not a string',
    ],
    ['metadata.actor', [], 'flipt.event.metadata.actor must be a string, not an array'],
    ['payload', '', 'flipt.event.payload is not valid JSON'],
    ['payload', `{"password":"${SECRET}"`, 'flipt.event.payload is not valid JSON'],
    ['payload', 'undefined', 'flipt.event.payload is not valid JSON'],
    ['payload', '{}\n{}', 'flipt.event.payload is not valid JSON'],
    ['payload', '\u2028{}', 'flipt.event.payload is not valid JSON'],
    ['payload', 5, 'flipt.event.payload must be a string, not a number'],
    ['payload', [SECRET], 'flipt.event.payload must be a string, not an array'],
  ])('says what is wrong with a malformed %s (%#)', (field, value, expected) => {
    const found = reason({ ...valid, [`flipt.event.${field}`]: value });
    expect(found).toBe(expected);
    expect(found).not.toContain(SECRET);
  });

  it.each(Object.keys(valid))('takes %s alone for one of ours that is malformed', (key) => {
    expect(decodeEvent({ [key]: valid[key as keyof typeof valid] }).kind).toBe('malformed');
  });

  it.each([
    '9007199254740993',
    '-0',
    '1E400',
    '0.1000000000000000055511151231257827',
    '{"b":1,"a":2,"a":3}',
    '"\\u0041\\/"',
    '{"__proto__":{"polluted":true}}',
    ' { "spaced" : [ ] } ',
  ])('keeps the payload text %s exactly', (text) => {
    const attributes = { ...valid, 'flipt.event.payload': text };
    const event = decoded(attributes);
    expect(eventToJson(event)).toContain(`"payload":${text},"timestamp"`);
    expect(encodeEvent(event)).toEqual(attributes);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('keeps the actor text exactly', () => {
    const text = '{"z":12345678901234567890,"ip":"a","__proto__":{}}';
    const event = decoded({ ...valid, 'flipt.event.metadata.actor': text });
    expect(eventToJson(event)).toContain(`"metadata":{"actor":${text}}`);
  });

  it('gives each event a deep actor of its own, for what is in it is not frozen', () => {
    const attributes = { ...valid, 'flipt.event.metadata.actor': '{"team":{"name":"a"}}' };
    const [first, second] = [decoded(attributes), decoded(attributes)];
    expect(second.metadata.actor).toEqual(first.metadata.actor);
    expect(second.metadata.actor).not.toBe(first.metadata.actor);
  });

  it('makes one line of JSON with raw line breaks, and the same of it', () => {
    const event = decoded({
      ...valid,
      'flipt.event.payload': '{\n  "a": "x\\ny",\r\n  "b": 1\r}\n',
      'flipt.event.metadata.actor': '{\n"ip":"::1"}',
    });
    const json = eventToJson(event);
    expect(json).not.toMatch(/[\n\r]/);
    expect(JSON.parse(json)).toMatchObject({
      payload: { a: 'x\ny', b: 1 },
      metadata: { actor: { ip: '::1' } },
    });
  });

  it('makes lone surrogates survive UTF-8', () => {
    const event = decoded({
      ...valid,
      'flipt.event.payload': '"a\ud800b😀\udfff"',
      'flipt.event.status': '\udc00',
    });
    const bytes = Buffer.from(eventToJson(event)).toString();
    expect(JSON.parse(bytes)).toMatchObject({ payload: 'a\ud800b😀\udfff', status: '\udc00' });
  });

  it('bears 1e5-deep nesting and huge texts', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(eventToJson(decoded({ ...valid, 'flipt.event.payload': deep })).includes(deep)).toBe(
      true,
    );
    expect(reason({ ...valid, 'flipt.event.payload': '['.repeat(100_000) })).toBe(
      'flipt.event.payload is not valid JSON',
    );
    const huge = 'x'.repeat(5_000_000);
    expect(decoded({ ...valid, 'flipt.event.payload': `"${huge}"` }).payload === huge).toBe(true);
    expect(reason({ ...valid, 'flipt.event.timestamp': huge })).toHaveLength(45);
    expect(decodeEvent({ ...valid, 'flipt.event.type': huge }).kind).toBe('event');
  });

  it('gives no id where the given one is none', () => {
    for (const id of ['', 'a\nb', 'x'.repeat(257), 5, ['a']]) {
      expect(decoded({ ...valid, 'flipt.event.id': id }).id).toBe('');
    }
  });

  it('does not let a getter or a proxy throw, nor quotes what it threw', () => {
    const getter = Object.defineProperty({ ...valid }, 'flipt.event.payload', {
      get: () => {
        throw new Error(SECRET);
      },
    });
    const proxy = new Proxy(
      {},
      {
        get: () => {
          throw SECRET;
        },
      },
    );
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const attributes of [getter, proxy, revoked]) {
      expect(reason(attributes)).toBe('an attribute could not be read');
    }
  });

  it('never throws, and makes a line of JSON of whatever it takes for an event', () => {
    const anything = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }),
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...Object.values(valid)),
    );
    const key = fc.constantFrom(...Object.keys(valid), '__proto__', 'constructor', 'message');
    const attributes = fc.oneof(
      fc.dictionary(key, anything),
      fc
        .tuple(fc.constant(valid), fc.dictionary(key, anything, { maxKeys: 2 }))
        .map(([whole, wrong]) => ({ ...whole, ...wrong })),
    );
    fc.assert(
      fc.property(attributes, (given) => {
        const result = decodeEvent(given as Attributes);
        if (result.kind !== 'event') return;
        const json = eventToJson(result.event, { fields: 'full' });
        expect(json).not.toMatch(/[\n\r]/);
        expect(JSON.parse(json)).toMatchObject({ type: result.event.type });
      }),
      { numRuns: 2000 },
    );
  });
});
