import { describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { decodeEvent, encodeEvent } from '../../src/event/attributes.js';
import { type AuditEventInit, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';

const minimal = { type: 'flag', action: 'created' } as const;

/** The message of the error that creating the event raises. */
function refusal(init: Partial<Record<keyof AuditEventInit, unknown>>): string {
  try {
    createEvent({ ...minimal, ...init } as AuditEventInit);
  } catch (error) {
    expect(error).toBeInstanceOf(AuditError);
    expect((error as AuditError).code).toBe('invalid-event');
    return (error as AuditError).message;
  }
  throw new Error('the event was accepted');
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

describe('a created event', () => {
  it('has version 0.2, status success, no actor and no payload by default', () => {
    const before = Date.now();
    const event = createEvent(minimal);
    expect(Object.keys(event)).toEqual([
      'id',
      'version',
      'type',
      'action',
      'status',
      'metadata',
      'timestamp',
    ]);
    expect(event).toMatchObject({
      version: '0.2',
      type: 'flag',
      action: 'created',
      status: 'success',
      metadata: {},
    });
    expect(event.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(event.timestamp)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(event.timestamp)).toBeLessThanOrEqual(Date.now());
  });

  it('keeps what it was given', () => {
    const payload = { key: 'a' };
    const event = createEvent({
      ...minimal,
      status: 'denied',
      actor: { authentication: 'token', ip: '::1', team: 7 },
      payload,
      timestamp: '2026-01-31T12:00:00Z',
      id: 'order-17',
    });
    expect(event).toMatchObject({
      id: 'order-17',
      status: 'denied',
      metadata: { actor: { authentication: 'token', ip: '::1', team: 7 } },
      payload,
      timestamp: '2026-01-31T12:00:00.000Z',
    });
  });

  it('is frozen, its metadata too', () => {
    for (const event of [
      createEvent(minimal),
      createEvent({ ...minimal, payload: 1, actor: {} }),
    ]) {
      expect(Object.isFrozen(event)).toBe(true);
      expect(Object.isFrozen(event.metadata)).toBe(true);
    }
  });

  it('records actor and payload as they were, though the objects change later', () => {
    const actor = { ip: '127.0.0.1' };
    const payload = { enabled: false };
    const event = createEvent({ ...minimal, actor, payload });
    actor.ip = 'changed';
    payload.enabled = true;
    expect(eventToJson(event)).toContain(
      '{"actor":{"ip":"127.0.0.1"}},"payload":{"enabled":false}',
    );
    expect(encodeEvent(event)).toMatchObject({
      'flipt.event.metadata.actor': '{"ip":"127.0.0.1"}',
      'flipt.event.payload': '{"enabled":false}',
    });
  });

  it('is serialised again where a spread copy replaces a part, and only there', () => {
    const payload = { n: 1 };
    const event = createEvent({ ...minimal, actor: { ip: 'a' }, payload });
    payload.n = 2;
    expect(eventToJson({ ...event, payload: { other: true } })).toContain(
      '"payload":{"other":true}',
    );
    expect(eventToJson({ ...event, payload: undefined })).toContain('"payload":null');
    expect(eventToJson({ ...event, metadata: {} })).toContain('"metadata":{},"payload":{"n":1}');
    expect(eventToJson({ ...event, metadata: { actor: { ip: 'b' } } })).toContain(
      '"metadata":{"actor":{"ip":"b"}},"payload":{"n":1}',
    );
    expect(eventToJson({ ...event, status: 'denied' })).toContain('"payload":{"n":1}');
  });

  it('leaves the empty texts of an actor out and keeps its other members', () => {
    const actor = { authentication: 'none', ip: '', email: '', name: '', picture: '', team: '' };
    expect(createEvent({ ...minimal, actor }).metadata).toEqual({
      actor: { authentication: 'none', team: '' },
    });
    expect(actor.ip).toBe('');
  });

  it('has an id of its own, a UUID version 4', () => {
    const ids = Array.from({ length: 2000 }, () => createEvent(minimal).id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('carries null, false, 0 and the empty text as payload', () => {
    for (const payload of [null, false, 0, '']) {
      const decoded = decodeEvent(encodeEvent(createEvent({ ...minimal, payload })));
      expect(decoded).toMatchObject({ kind: 'event', event: { payload } });
    }
  });
});

describe('an actor with toJSON', () => {
  it('is recorded as what it turns itself into', () => {
    const actor = { secret: 's', toJSON: () => ({ ip: '::1', email: '' }) };
    const event = createEvent({ ...minimal, actor });
    expect(event.metadata).toEqual({ actor: { ip: '::1' } });
    expect(eventToJson(event)).toContain('"metadata":{"actor":{"ip":"::1"}}');
  });
});

describe('createEvent refuses, naming the field,', () => {
  it.each([
    ['type', ''],
    ['type', 'a:b'],
    ['type', '*'],
    ['type', 'a\nb'],
    ['type', 'a\u0000'],
    ['type', 'a\u007f'],
    ['type', 'a\u0085'],
    ['type', undefined],
    ['type', 5],
    ['action', ''],
    ['action', ':'],
    ['action', 'cre*ted'],
    ['action', 'a\tb'],
    ['action', null],
    ['status', 5],
    ['status', null],
    ['timestamp', ''],
    ['timestamp', 'yesterday'],
    ['timestamp', '2026-02-30T00:00:00Z'],
    ['timestamp', new Date(Number.NaN)],
    ['timestamp', new Date(8.64e15)],
    ['timestamp', 1_769_860_800_000],
    ['actor', 'me'],
    ['actor', []],
    ['actor', null],
    ['id', ''],
    ['id', 'a\nb'],
    ['id', 'x'.repeat(257)],
    ['id', 5],
    ['payload', 5n],
    ['payload', () => 'secret'],
    ['payload', Symbol('secret')],
    ['payload', { toJSON: () => undefined }],
    ['payload', deep(100_000)],
  ])('%s %#', (field, value) => {
    expect(refusal({ [field]: value })).toMatch(new RegExp(`^${field} `));
  });

  it.each(['authentication', 'ip', 'email', 'name', 'picture'])('actor.%s', (member) => {
    expect(refusal({ actor: { [member]: 5 } })).toBe(`actor.${member} must be a string`);
  });

  it('a payload or an actor with a cycle, in one line', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(refusal({ payload: cycle })).toMatch(/^payload cannot be written as JSON: .*$/);
    expect(refusal({ actor: cycle })).toMatch(/^actor cannot be written as JSON: .*$/);
    expect(refusal({ actor: { n: 1n } })).toMatch(/^actor cannot be written as JSON: .*$/);
  });

  it('an actor that turns itself into something else', () => {
    expect(refusal({ actor: new Date(0) })).toMatch(/^actor /);
    expect(refusal({ actor: { toJSON: () => 'me' } })).toMatch(/^actor /);
    expect(refusal({ actor: { toJSON: () => ({ ip: 5 }) } })).toMatch(/^actor/);
  });
});

describe('an event that cannot be made', () => {
  it.each([
    [undefined, 'createEvent takes an object'],
    [null, 'createEvent takes an object'],
  ])('says so for %p', (init, message) => {
    expect(() => createEvent(init as unknown as AuditEventInit)).toThrow(message);
  });

  it('does not quote what a toJSON throws, which may be a secret', () => {
    const payload = {
      toJSON() {
        throw new Error('password=hunter2');
      },
    };
    expect(() => createEvent({ type: 'flag', action: 'created', payload })).toThrow(
      /^payload cannot be written as JSON: reading it failed$/,
    );
  });

  it('names the actor when it cannot be read', () => {
    const actor = {
      get email(): string {
        throw new Error('boom');
      },
    };
    expect(() => createEvent({ type: 'flag', action: 'created', actor })).toThrow(
      'actor cannot be read',
    );
  });

  it('takes an actor of an interface of the user, and keeps members of its own', () => {
    interface User {
      email: string;
      id: number;
    }
    const user: User = { email: 'ada@example.com', id: 7 };
    const event = createEvent({ type: 'flag', action: 'created', actor: user });
    expect(eventToJson(event)).toContain('"actor":{"email":"ada@example.com","id":7}');
  });
});
