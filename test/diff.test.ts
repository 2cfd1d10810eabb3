import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { auditDiff } from '../src/diff.js';

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** What the patch makes of the document, by RFC 6902. */
function applied(before: unknown, patch: ReturnType<typeof auditDiff>): unknown {
  const holder = { document: copy(before) };
  const moved = patch.map((operation) => ({ ...operation, path: `/document${operation.path}` }));
  expect(applyPatch(holder, moved as never).filter((error) => error !== null)).toEqual([]);
  return holder.document;
}

/** The library that applies the patch here loses members of this name; a test below has it. */
const anyJson = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));

describe('auditDiff', () => {
  it.each<[string, unknown, unknown, unknown[]]>([
    ['a change', { on: false }, { on: true }, [{ op: 'replace', path: '/on', value: true }]],
    ['what is new', {}, { on: true }, [{ op: 'add', path: '/on', value: true }]],
    ['what is gone', { on: true }, {}, [{ op: 'remove', path: '/on' }]],
    ['nothing', { on: true }, { on: true }, []],
    ['an element', ['a'], ['a', 'b'], [{ op: 'add', path: '/-', value: 'b' }]],
    [
      'a name with / and ~',
      { 'a/b~': 1 },
      { 'a/b~': 2 },
      [{ op: 'replace', path: '/a~1b~0', value: 2 }],
    ],
    [
      'a thing that was not there',
      undefined,
      { a: 1 },
      [{ op: 'replace', path: '', value: { a: 1 } }],
    ],
    ['a thing that is no more', { a: 1 }, undefined, [{ op: 'replace', path: '', value: null }]],
    ['a date, as JSON has it', { at: new Date(0) }, { at: new Date(0) }, []],
    ['what JSON leaves out', { a: undefined }, { b: () => 1 }, []],
  ])('tells %s', (_, before, after, patch) => {
    expect(auditDiff(before, after)).toEqual(patch);
  });

  it('makes the one of the other, whatever they are', () => {
    fc.assert(
      fc.property(anyJson, anyJson, (before, after) => {
        expect(applied(before, auditDiff(before, after))).toEqual(copy(after));
      }),
      { numRuns: 500 },
    );
  });

  it('takes `__proto__` for a name', () => {
    const after = JSON.parse('{"__proto__":{"admin":true}}');
    expect(JSON.stringify(auditDiff({}, after))).toBe(
      '[{"op":"add","path":"/__proto__","value":{"admin":true}}]',
    );
    expect({}).not.toHaveProperty('admin');
  });

  it('leaves both as they are, and keeps nothing of them', () => {
    const before = Object.freeze({ list: Object.freeze([1]) });
    const after = { list: [1, { a: 1 }] };
    const patch = auditDiff(before, after);
    (after.list[1] as { a: number }).a = 2;
    expect(patch).toEqual([{ op: 'add', path: '/list/-', value: { a: 1 } }]);
  });

  it('replaces lists that are too long to compare, where they differ', () => {
    const long = Array.from({ length: 600 }, (_, n) => n);
    const longer = [...long, 600];
    expect(auditDiff({ long, a: 1 }, { long: longer, a: 2 })).toEqual([
      { op: 'replace', path: '/long', value: longer },
      { op: 'replace', path: '/a', value: 2 },
    ]);
    expect(auditDiff(long, copy(long))).toEqual([]);
    expect(auditDiff([], longer)).toHaveLength(601);
  });

  it('replaces what is left after too many comparisons', () => {
    // Lists in lists: 150 × 150 pairs, each of 150 × 150.
    const table = (value: number) =>
      Array.from({ length: 150 }, (_, n) => Array.from({ length: 150 }, (_, m) => n * m + value));
    const [before, after] = [table(0), table(1)];
    expect(applied(before, auditDiff(before, after))).toEqual(after);
  });

  it('replaces what is nested too deeply', () => {
    const deep = (depth: number, leaf: number) =>
      JSON.parse(`${'{"a":'.repeat(depth)}${leaf}${'}'.repeat(depth)}`);
    expect(auditDiff(deep(3, 1), deep(3, 2))).toEqual([
      { op: 'replace', path: '/a/a/a', value: 2 },
    ]);
    const patch = auditDiff(deep(4000, 1), deep(4000, 2));
    expect(patch).toHaveLength(1);
    expect(patch[0]!.op).toBe('replace');
  });

  it('refuses what JSON cannot carry, and names it', () => {
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    const faultOf = (before: unknown, after: unknown) => {
      try {
        return auditDiff(before, after);
      } catch (error) {
        return error;
      }
    };
    expect(faultOf({ n: 1n }, {})).toMatchObject({
      code: 'invalid-event',
      message: 'auditDiff: before cannot be written as JSON: it contains a BigInt',
    });
    expect(faultOf({}, cycle)).toMatchObject({
      code: 'invalid-event',
      message: 'auditDiff: after cannot be written as JSON: it contains a cycle',
    });
  });
});
