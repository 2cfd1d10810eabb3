import { describe, expect, it } from '@jest/globals';
import { decodeEvent, encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';

const payload = { key: 'a', deep: { list: [1, 2] } };

function decoded(attributes: Parameters<typeof decodeEvent>[0]): AuditEvent {
  const found = decodeEvent(attributes);
  if (found.kind !== 'event') throw new Error(`not an event: ${JSON.stringify(found)}`);
  return found.event;
}

describe('a payload text that this process printed', () => {
  const event = createEvent({ type: 'flag', action: 'created', payload });
  const attributes = encodeEvent(event);

  it('comes back as an own, enumerable, equal payload, made once', () => {
    const back = decoded(attributes);
    expect(Object.keys(back)).toContain('payload');
    expect(back.payload).toEqual(payload);
    expect(back.payload).toBe(back.payload);
    expect(JSON.parse(JSON.stringify(back))).toMatchObject({ payload });
    expect(structuredClone({ ...back }).payload).toEqual(payload);
    expect(Object.isFrozen(back)).toBe(true);
  });

  it('is printed as it was, read or not, and in a spread copy', () => {
    const line = eventToJson(event);
    const back = decoded(attributes);
    expect(eventToJson(back)).toBe(line);
    expect(back.payload).toEqual(payload);
    expect(eventToJson(back)).toBe(line);
    expect(eventToJson({ ...back })).toBe(line);
    expect(eventToJson({ ...decoded(attributes) })).toBe(line);
  });

  it('gives way to another payload in a spread copy', () => {
    const copy = { ...decoded(attributes), payload: { key: 'b' } };
    expect(eventToJson(copy)).toContain('"payload":{"key":"b"}');
    const { payload: _, ...without } = decoded(attributes);
    expect(eventToJson(without)).toContain('"payload":null');
  });

  it('vouches for no other text under the same id', () => {
    const text = attributes['flipt.event.payload'] as string;
    const cut = decodeEvent({ ...attributes, 'flipt.event.payload': text.slice(0, -1) });
    expect(cut).toEqual({ kind: 'malformed', reason: 'flipt.event.payload is not valid JSON' });
    const other = decoded({ ...attributes, 'flipt.event.payload': '{"key":"forged"}' });
    expect(other.payload).toEqual({ key: 'forged' });
    expect(eventToJson(other)).toContain('"payload":{"key":"forged"}');
  });
});
