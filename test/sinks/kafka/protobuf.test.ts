import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { decodeEvent, encodeEvent } from '../../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../../src/event/event.js';
import { ByteSink } from '../../../src/sinks/kafka/byte-sink.js';
import { encodeProtobuf } from '../../../src/sinks/kafka/protobuf.js';
import type { Remarks } from '../../../src/sinks/kafka/remarks.js';
import { root } from '../../package/packed.js';

const Event = protobuf
  .loadSync(join(root, 'schemas/audit-event.proto'))
  .lookupType('flipt.audit.Event');

type Value = Record<string, unknown> & {
  structValue?: { fields?: Record<string, Value> };
  listValue?: { values?: Value[] };
};

function fromValue(value: Value): unknown {
  if (value.structValue !== undefined) return fromFields(value.structValue.fields);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(fromValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

function fromFields(fields: Record<string, Value> = {}): unknown {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromValue(value)]));
}

/** The payload as another library reads it, and what was remarked. */
function roundTrip(event: AuditEvent): { readonly payload: unknown } & Remarks {
  const remarks = {} as Remarks;
  const decoded = Event.toObject(Event.decode(encodeProtobuf(event, new ByteSink(), remarks)), {
    longs: Number,
  });
  const payload = decoded.payload as { fields?: Record<string, Value> } | undefined;
  return { ...remarks, payload: payload === undefined ? null : fromFields(payload.fields) };
}

const withPayload = (payload: unknown) =>
  createEvent({ type: 'flag', action: 'created', payload, id: 'e-1' });

/** An event whose payload is known by its text alone, as from a span. */
function withText(text: string): AuditEvent {
  const attributes = encodeEvent(createEvent({ type: 'flag', action: 'created' }));
  const result = decodeEvent({ ...attributes, 'flipt.event.payload': text });
  if (result.kind !== 'event') throw new Error('malformed');
  return result.event;
}

describe('a payload in protobuf', () => {
  it('is read by another library as what it was, whatever it is', () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true }).filter(isPlain);
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.oneof(fc.string({ unit: 'grapheme' }), numbers, fc.boolean(), fc.constant(null)),
        fc.array(tie('tree')),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('tree'),
        ),
      ),
    }));
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tree,
        ),
        (payload) => {
          expect(roundTrip(withPayload(payload))).toEqual({
            payload: JSON.parse(JSON.stringify(payload)),
            wrapped: false,
            jsonMembers: undefined,
            actorExact: true,
            payloadExact: true,
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([[[1, 'a']], ['text'], [5], [true], [[]]])(
    'that is %j stands under `value`',
    (payload) => {
      expect(roundTrip(withPayload(payload))).toMatchObject({
        payload: { value: payload },
        wrapped: true,
      });
    },
  );

  it.each([
    ['9007199254740991', 9007199254740991, true],
    ['9007199254740993', '9007199254740993', false],
    ['12345678901234567890.10', '12345678901234567890.10', false],
    ['1e400', '1e400', false],
    ['1.50', 1.5, false],
    ['-0', -0, false],
    ['1e2', 100, false],
    ['1e-400', '1e-400', false],
    ['0.1', 0.1, true],
    ['33.33', 33.33, true],
    ['-7', -7, true],
  ] as const)('has the number %s as %p, exact: %p', (text, value, exact) => {
    const read = roundTrip(withText(`{ "n" : ${text} }`));
    expect(read.payload).toEqual({ n: value });
    expect(read.payloadExact).toBe(exact);
  });

  it('is remarked upon where half a character stands alone', () => {
    const read = roundTrip(withText('{"a":"\\ud800"}'));
    expect(read).toMatchObject({ payload: { a: '\ufffd' }, payloadExact: false });
  });

  it('is a text below the depth at which decoders stop', () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(roundTrip(withText(deep(31))).payloadExact).toBe(true);
    const read = roundTrip(withText(deep(40)));
    expect(read.payloadExact).toBe(false);
    expect(JSON.stringify(read.payload)).toContain('"{\\"a\\":');
    expect(roundTrip(withText(deep(100_000))).payloadExact).toBe(false);
  });

  it('is right whatever size the one before had', () => {
    const sizes = [1, 100_000, 3, 500, 20_000, 1];
    for (const size of sizes) {
      for (const payload of [
        { a: new Array(size).fill(0), b: { c: 'x'.repeat(size) } },
        { a: new Array(size).fill([{}]), b: [['x'.repeat(size), { d: [null] }]] },
      ]) {
        expect(roundTrip(withPayload(payload)).payload).toEqual(payload);
      }
    }
  });
});

/** One that JavaScript prints in such a way that it is read as the same kind of number. */
function isPlain(value: number): boolean {
  return !Object.is(value, -0) && !(Number.isInteger(value) && !Number.isSafeInteger(value));
}
