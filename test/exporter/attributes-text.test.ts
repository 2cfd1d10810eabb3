import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { AUDIT_KEYS, attributesToText } from '../../src/exporter/attributes-text.js';

const textOf = (attributes: object) => attributesToText(attributes as Attributes);
/** What is read back of a payload that is this value. */
const written = (value: unknown): unknown =>
  JSON.parse(textOf({ 'flipt.event.payload': value }))['flipt.event.payload'];
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);
let deep: unknown = [];
for (let n = 0; n < 100_000; n += 1) deep = [deep];

describe('the attributes of a malformed event as text', () => {
  it('are those that are ours, in a fixed order, as they were given', () => {
    const attributes = { 'flipt.event.id': 'a', other: 1, 'flipt.event.version': '0.2\n"' };
    expect(textOf(attributes)).toBe('{"flipt.event.version":"0.2\\n\\"","flipt.event.id":"a"}');
    expect(textOf({})).toBe('{}');
  });

  it.each([
    ['a number', 1.5, 1.5],
    ['nothing', null, null],
    ['a list of texts', ['a', null, 'b'], ['a', null, 'b']],
    ['an object', { a: nested(3) }, { a: [[[0]]] }],
    ['no number', [Number.NaN, Number.NEGATIVE_INFINITY], ['[NaN]', '[-Infinity]']],
    ['a BigInt', [12345678901234567890n], ['[12345678901234567890n]']],
    ['a function', () => 1, '[function]'],
    ['a symbol', Symbol('secret'), '[symbol]'],
    ['a cycle', cycle, '[it contains a cycle]'],
    ['nesting without end', deep, '[it is nested too deeply or too large]'],
    ['an object that turns into nothing', { toJSON: () => undefined }, '[nothing]'],
  ])('say what %s was', (_, value, expected) => {
    expect(written(value)).toEqual(expected);
  });

  it('do not quote what a toJSON throws', () => {
    const hostile = {
      toJSON: () => {
        throw new Error('password');
      },
    };
    expect(written(hostile)).toBe('[reading it failed]');
  });

  it('hold a value of 64 KiB, and length and hash of a longer one', () => {
    const fits = 'x'.repeat(65_534); // the quotes make it 65,536
    expect(written(fits)).toBe(fits);
    for (const long of [`${fits}x`, 'x'.repeat(1 << 20)]) {
      expect(written(long)).toEqual({ length: long.length, sha256: sha256(long) });
    }
    const wide = 'é'.repeat(33_000);
    expect(written(wide)).toEqual({ length: 66_000, sha256: sha256(wide) });
    const list = Array.from({ length: 70_000 }, () => 1);
    const json = JSON.stringify(list);
    expect(written(list)).toEqual({ length: json.length, sha256: sha256(json) });
  });

  it('are one well-formed line of JSON of bounded size, whatever they are', () => {
    const value = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...AUDIT_KEYS), value), (attributes) => {
        const text = textOf(attributes);
        expect(text).not.toMatch(/[\n\r]/);
        expect(text.isWellFormed()).toBe(true);
        const back = JSON.parse(text);
        for (const [key, given] of Object.entries(attributes)) {
          if (typeof given === 'string') expect(back[key]).toBe(given);
        }
      }),
    );
  });
});
