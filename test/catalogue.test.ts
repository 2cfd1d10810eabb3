import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { z } from 'zod';
import { defineAuditEvents, type StandardSchema } from '../src/catalogue.js';
import { eventToJson } from '../src/event/json.js';

/** What a validator of somebody's might be: refuses all but texts, after a while. */
const slowText: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] },
  },
};

const audits = defineAuditEvents({
  'invoice:refunded': z.object({
    invoice: z.string(),
    cents: z.int(),
    reason: z.string().default('none'),
  }),
  'invoice:viewed': v.object({ invoice: v.pipe(v.string(), v.trim()) }),
  'session:ended': z.undefined(),
  'report:made': slowText,
});

describe('a catalogue of audit events', () => {
  it('makes events of its pairs, with what the schema makes of the payload', () => {
    const event = audits.createEvent('invoice:refunded', {
      actor: { name: 'Ann' },
      payload: { invoice: 'F-12', cents: 1250 },
    });
    expect(event).toMatchObject({
      type: 'invoice',
      action: 'refunded',
      status: 'success',
      metadata: { actor: { name: 'Ann' } },
      payload: { invoice: 'F-12', cents: 1250, reason: 'none' },
    });
    expect(eventToJson(event)).toContain('"reason":"none"');
  });

  it('takes schemas of any validator', () => {
    const { payload } = audits.createEvent('invoice:viewed', { payload: { invoice: ' F-12 ' } });
    expect(payload).toEqual({ invoice: 'F-12' });
  });

  it('makes events without a payload', () => {
    expect(audits.createEvent('session:ended')).not.toHaveProperty('payload');
    expect(audits.createEvent('session:ended', { status: 'denied' }).status).toBe('denied');
  });

  it.each<[string, () => unknown, string[]]>([
    [
      'Zod',
      () =>
        audits.createEvent('invoice:refunded', {
          payload: { invoice: 'F', cents: 'hunter2' as never },
        }),
      ['invoice:refunded: the schema refuses payload.cents'],
    ],
    [
      'Valibot',
      () => audits.createEvent('invoice:viewed', { payload: { invoice: ['hunter2'] as never } }),
      ['invoice:viewed: the schema refuses payload.invoice'],
    ],
    [
      'a payload that should not be there',
      () => audits.createEvent('session:ended', { payload: 'hunter2' as never }),
      ['session:ended: the schema refuses payload'],
    ],
  ])('refuses what a schema refuses, naming the place and no value: %s', (_, make, [message]) => {
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-event' }));
    expect(make).toThrow(message);
    expect(make).not.toThrow('hunter2');
  });

  it('has the schema’s own words in the cause', () => {
    try {
      audits.createEvent('invoice:refunded', { payload: { cents: 1 } as never });
    } catch (error) {
      expect((error as Error).cause).toEqual([
        expect.objectContaining({ message: expect.stringContaining('expected string') }),
      ]);
    }
    expect.assertions(1);
  });

  it('lets exactly its pairs pass', () => {
    const { checker } = audits;
    expect(checker.events()).toEqual([...audits.pairs]);
    for (const pair of audits.pairs) expect(checker.check(pair)).toBe(true);
    for (const pair of ['invoice:ended', 'session:refunded', 'invoice:*', 'flag:created', 'x']) {
      expect(checker.check(pair)).toBe(false);
    }
  });

  it('awaits a schema that validates asynchronously', async () => {
    const event = await audits.createEventAsync('report:made', { payload: 'x' });
    expect(event).toMatchObject({ type: 'report', action: 'made', payload: 'x' });
    await expect(
      audits.createEventAsync('report:made', { payload: 1 as never }),
    ).rejects.toMatchObject({ code: 'invalid-event', message: expect.stringContaining('payload') });
    const sync = audits.createEventAsync('session:ended');
    await expect(sync).resolves.toMatchObject({ action: 'ended' });
  });

  it('refuses to make an event at once where the schema takes its time, whatever that says', () => {
    for (const payload of ['x', 1]) {
      expect(() => audits.createEvent('report:made', { payload: payload as never })).toThrow(
        'the schema of report:made validates asynchronously: use createEventAsync',
      );
    }
  });

  it('refuses a pair that it does not know', () => {
    expect(() => audits.createEvent('invoice:created' as never, {} as never)).toThrow(
      '"invoice:created" is no event of the catalogue; there are invoice:refunded',
    );
    expect(() => audits.createEvent('toString' as never, {} as never)).toThrow('is no event');
  });

  it.each<[string, unknown, string]>([
    ['no colon', { invoice: z.string() }, 'is no event pair'],
    ['two colons', { 'a:b:c': z.string() }, 'is no event pair'],
    ['an empty half', { 'a:': z.string() }, 'must not be empty'],
    ['a wildcard', { 'a:*': z.string() }, "must not contain ':', '*'"],
    ['no schema', { 'a:b': { type: 'object' } }, 'must be a Standard Schema'],
    ['null', { 'a:b': null }, 'must be a Standard Schema'],
    ['nothing in it', {}, 'no event pairs exist'],
    ['no object', undefined, 'takes schemas by event pair'],
  ])('is refused with %s', (_, schemas, fault) => {
    const define = () => defineAuditEvents(schemas as never);
    expect(define).toThrow(fault);
    expect(define).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  });
});
