import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { AuditError } from '../../src/errors.js';
import { decodeSpanEvent } from '../../src/event/attributes.js';
import { createEvent, type EventTrace } from '../../src/event/event.js';
import { idOf } from '../../src/ledger/line-id.js';
import {
  hashOf,
  type LedgerRecord,
  lineOf,
  NO_HASH,
  parseRecord,
  type RecordContent,
} from '../../src/ledger/record.js';

// What a line parser could mistake for its own marks.
const TRAPS = [
  '},"payload":',
  ',"timestamp":"',
  '"},"payload":null,"timestamp":"2026-01-01T00:00:00Z","status":""}}',
  '","id":"',
  '{"seq":1,"prev":"',
  '__proto__',
  'constructor',
  '\\',
  '\\"',
  '"',
  '\ud800',
  '\udc00x',
  '\u2028',
  '😀',
  '\n',
  '\u0000',
  ',"malformed":{',
  ',"late":true',
];
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(fc.constantFrom(...TRAPS), fc.string())).map((parts) => parts.join('')),
);
const number = fc.constantFrom(
  '12345678901234567890',
  '1.0',
  '-0',
  '1e400',
  '0.1',
  '9007199254740993',
);
const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    number,
    fc.constantFrom('null', 'true', '[]', '{}', '""'),
    text.map((value) => JSON.stringify(value)),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('json'), { maxLength: 4 }).map((items) => `[ ${items.join(',\t')} ]`),
  object: fc
    .array(fc.tuple(text, tie('json')), { maxLength: 4 })
    .map(
      (members) =>
        `{${members.map(([key, value]) => `${JSON.stringify(key)} :\n${value}`).join(', ')}}`,
    ),
}));
const space = fc.constantFrom('', ' ', '\n', '\r\n\t ');
const spaced = (value: fc.Arbitrary<string>) =>
  fc.tuple(space, value, space).map((parts) => parts.join(''));
const actorText = spaced(
  fc
    .array(fc.tuple(text, json), { maxLength: 4 })
    .map((members) =>
      members.filter(
        ([key]) => !['authentication', 'ip', 'email', 'name', 'picture'].includes(key),
      ),
    )
    .map(
      (members) =>
        `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(' ,')}}`,
    ),
);
const name = text.map((value) => `n${value.replace(/[:*\p{Cc}]/gu, '')}`);
const id = text.map((value) => `i${value.replace(/\p{Cc}/gu, '')}`.slice(0, 256));
const trace: fc.Arbitrary<EventTrace | undefined> = fc.option(
  fc.record({
    traceId: fc.constantFrom('a'.repeat(32), '0af7651916cd43dd8448eb211c80319c'),
    spanId: fc.constantFrom('b'.repeat(16), 'odd "span"'),
    traceFlags: fc.nat(255),
  }),
  { nil: undefined },
);
const late = fc.constantFrom<{ late?: boolean }>({}, { late: true }, { late: false });

const decoded: fc.Arbitrary<RecordContent> = fc
  .tuple(
    id,
    trace,
    late,
    fc.record(
      {
        'flipt.event.version': fc.constantFrom('0.2', '"9"'),
        'flipt.event.type': name,
        'flipt.event.action': name,
        'flipt.event.timestamp': fc.constantFrom(
          '2026-01-31T12:00:00Z',
          '2026-01-31t12:00:00.1+01:00',
        ),
        'flipt.event.status': text,
        'flipt.event.metadata.actor': fc.oneof(actorText, fc.constant('null')),
        'flipt.event.payload': spaced(json),
      },
      {
        requiredKeys: [
          'flipt.event.version',
          'flipt.event.type',
          'flipt.event.action',
          'flipt.event.timestamp',
        ],
      },
    ),
  )
  .map(([givenId, givenTrace, mark, attributes]) => {
    const found = decodeSpanEvent({ ...attributes, 'flipt.event.id': givenId } as Attributes, {
      id: () => givenId,
      trace: givenTrace,
    });
    if (found.kind !== 'event') throw new Error(`the generator is wrong: ${JSON.stringify(found)}`);
    return { id: givenId, event: found.event, ...mark };
  });

// The members of an actor that must be texts, whatever a generated key is.
const NAMED = { authentication: 'a', ip: '::1', email: 'e', name: 'n', picture: 'p' };

const created: fc.Arbitrary<RecordContent> = fc
  .tuple(id, name, late, text, fc.jsonValue(), fc.dictionary(text, fc.jsonValue()))
  .map(([givenId, type, mark, status, payload, actor]) => ({
    id: givenId,
    event: createEvent({
      id: givenId,
      type,
      action: 'created',
      status,
      payload,
      actor: { ...actor, ...NAMED } as never,
    }),
    ...mark,
  }));

const malformed: fc.Arbitrary<RecordContent> = fc
  .tuple(id, trace, text, fc.dictionary(text, fc.jsonValue()), fc.boolean())
  .map(([givenId, givenTrace, reason, attributes, isLate]) => ({
    id: givenId,
    trace: givenTrace,
    reason,
    attributesText: JSON.stringify(attributes),
    ...(isLate ? { late: true } : {}),
  }));

const content = fc.oneof(decoded, created, malformed);
const record: fc.Arbitrary<LedgerRecord> = fc
  .tuple(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), content)
  .map(([sequence, given]) => ({
    sequence,
    previousHash: NO_HASH,
    recordedAt: '2026-01-31T12:00:00.000Z',
    hash: '',
    content: given,
    bytes: 0,
  }));

const parse = (line: string) =>
  parseRecord(line, Buffer.byteLength(line), hashOf(Buffer.from(line)));

describe('a record', () => {
  it('comes back from its line as it was, whatever its texts hold', () => {
    fc.assert(
      fc.property(record, (given) => {
        const line = lineOf(given);
        const read = parse(Buffer.from(line).toString('utf8'));
        expect(lineOf(read)).toBe(line);
        expect(read.content.id).toBe(given.content.id);
        expect(read.content.late).toBe(given.content.late === true ? true : undefined);
        expect(read.content.event === undefined).toBe(given.content.event === undefined);
        expect(read.hash).toBe(hashOf(Buffer.from(line)));
      }),
      { numRuns: 500 },
    );
  });

  it('is one line of JSON with its keys in one order', () => {
    fc.assert(
      fc.property(record, (given) => {
        const line = lineOf(given);
        expect(line).not.toMatch(/[\n\r]/);
        const has = (condition: boolean, key: string) => (condition ? [key] : []);
        const { event } = given.content;
        const origin =
          event === undefined ? (given.content as { trace?: unknown }).trace : event.trace;
        expect(Object.keys(JSON.parse(line))).toEqual([
          'seq',
          'prev',
          'at',
          'id',
          ...has(origin !== undefined, 'trace'),
          ...has(given.content.late === true, 'late'),
          event === undefined ? 'malformed' : 'event',
        ]);
        expect(Buffer.from(line).toString('utf8')).toBe(line); // no lone surrogate gets lost
      }),
    );
  });

  it('keeps numbers that JavaScript cannot hold', () => {
    const { event } = decodeSpanEvent(
      {
        'flipt.event.version': '0.2',
        'flipt.event.type': 'flag',
        'flipt.event.action': 'created',
        'flipt.event.timestamp': '2026-01-31T12:00:00Z',
        'flipt.event.payload': '{"n":12345678901234567890,"f":1.0}',
      },
      { id: () => 'i', trace: undefined },
    ) as { event: ReturnType<typeof createEvent> };
    const line = lineOf({
      sequence: 1,
      previousHash: NO_HASH,
      recordedAt: '2026-01-31T12:00:00.000Z',
      hash: '',
      content: { id: 'i', event },
      bytes: 0,
    });
    expect(lineOf(parse(line))).toContain('{"n":12345678901234567890,"f":1.0}');
  });

  it('shows its id without being read', () => {
    fc.assert(
      fc.property(record, (given) => {
        const bytes = Buffer.from(`xx${lineOf(given)}yy`);
        expect(idOf(bytes, 2, bytes.length - 2)).toBe(given.content.id);
      }),
    );
  });
});

describe('a damaged line', () => {
  it('is refused with an AuditError or read, never anything else', () => {
    const mutation = fc.record({
      at: fc.nat(),
      drop: fc.nat(3),
      put: fc.oneof(text, fc.constantFrom('', ...TRAPS)),
    });
    fc.assert(
      fc.property(
        record,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (given, mutations) => {
          let line = lineOf(given);
          for (const { at, drop, put } of mutations) {
            const place = at % (line.length + 1);
            line = line.slice(0, place) + put + line.slice(place + drop);
          }
          try {
            const read = parse(line);
            expect(() => JSON.parse(line)).not.toThrow();
            lineOf(read); // what is read can be written
          } catch (error) {
            expect(error).toBeInstanceOf(AuditError);
            expect((error as AuditError).code).toBe('ledger-corrupt');
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  const head = `{"seq":1,"prev":"${NO_HASH}","at":"2026-01-31T12:00:00.000Z",`;
  const event =
    '"event":{"version":"0.2","type":"flag","action":"created","metadata":{},"payload":null,"timestamp":"2026-01-31T12:00:00.000Z","status":""}}';
  it.each([
    ['a leading zero', `${head.replace('"seq":1', '"seq":01')}"id":"i",${event}`],
    ['a raw control character', `${head}"id":"i\u0000",${event}`],
    ['a trace that is a number', `${head}"id":"i","trace":1,${event}`],
    ['a trace without members', `${head}"id":"i","trace":{},${event}`],
    ['an id that is a number', `${head}"id":1,${event}`],
    ['more behind it', `${head}"id":"i",${event} `],
    ['neither event nor malformed', `${head}"id":"i"}`],
    ['no end', `${head}"id":"i`],
    [
      'a time that is none',
      `${head.replace('2026-01-31T12:00:00.000Z', 'yesterday, at about noon')}"id":"i",${event}`,
    ],
  ])('with %s is refused', (_, line) => {
    expect(() => parse(line)).toThrow(AuditError);
  });

  it('is read when nothing is wrong with it', () => {
    expect(parse(`${head}"id":"i",${event}`).content.id).toBe('i');
  });
});
