import { describe, expect, it } from '@jest/globals';
import { decodeEvent, encodeEvent } from '../../../src/event/attributes.js';
import { type Actor, type AuditEvent, createEvent } from '../../../src/event/event.js';
import { type RecordInfo, SinkError } from '../../../src/sink.js';
import { toLogRecord } from '../../../src/sinks/otlp/log-record.js';

const resource = { attributes: { 'service.name': 'flags' } };
const info: RecordInfo = {
  sequence: 7,
  hash: 'a'.repeat(64),
  previousHash: 'b'.repeat(64),
  stream: '3f0c5a8e-9f5d-4a53-9d3f-6f6c1f0b7c11',
  recordedAt: '2026-01-31T12:00:01.000Z',
};
const base = { id: 'e-1', type: 'flag', action: 'created', timestamp: '2026-01-31T12:00:00.250Z' };
const map = (event: AuditEvent) => toLogRecord(event, [1769860801, 0], info, resource);
const attributesWith = (init: Partial<Parameters<typeof createEvent>[0]>) =>
  map(createEvent({ ...base, ...init })).attributes;
const withActor = (actor: Actor) => attributesWith({ actor });

describe('the log record of an event', () => {
  it('is, whole', () => {
    const trace = { traceId: `${'0'.repeat(31)}1`, spanId: `${'0'.repeat(15)}2`, traceFlags: 1 };
    const actor = { authentication: 'oidc', ip: '2001:db8::1', email: 'ada@example.com' };
    const payload = { namespace_key: 'prod', key: 'checkout', tags: ['a', null], big: 1.5 };
    const event = { ...createEvent({ ...base, actor, payload }), trace };
    expect(map(event)).toEqual({
      hrTime: [1769860800, 250_000_000],
      hrTimeObserved: [1769860801, 0],
      spanContext: trace,
      eventName: 'flag.created',
      body: payload,
      droppedAttributesCount: 0,
      resource,
      instrumentationScope: { name: '' },
      attributes: {
        'audit.record.id': 'e-1',
        'audit.actor.id': 'ada@example.com',
        'audit.actor.type': 'user',
        'audit.action': 'CREATE',
        'audit.outcome': 'success',
        'audit.target.type': 'flag',
        'audit.target.id': 'prod/checkout',
        'audit.schema.version': '0.2',
        'audit.source.id': '2001:db8::1',
        'audit.source.type': 'ipv6',
        'otel_audit.ledger.sequence': 7,
        'otel_audit.ledger.hash': 'a'.repeat(64),
        'otel_audit.ledger.previous_hash': 'b'.repeat(64),
        'otel_audit.ledger.stream': '3f0c5a8e-9f5d-4a53-9d3f-6f6c1f0b7c11',
        'otel_audit.actor': JSON.stringify(actor),
      },
    });
  });

  it.each([
    ['created', 'CREATE'],
    ['updated', 'UPDATE'],
    ['deleted', 'DELETE'],
    ['read', 'READ'],
    ['login', 'LOGIN'],
    ['constructor', 'CONSTRUCTOR'],
  ])('calls the action %s %s', (action, verb) => {
    expect(attributesWith({ action })['audit.action']).toBe(verb);
  });

  it.each([
    ['success', 'success', undefined],
    ['denied', 'failure', 'denied'],
    ['failed', 'failure', 'failed'],
    ['', 'unknown', undefined],
    ['pending', 'unknown', 'pending'],
    ['toString', 'unknown', 'toString'],
  ])('calls the status "%s" %s and keeps its word', (status, outcome, word) => {
    const attributes = attributesWith({ status });
    expect(attributes['audit.outcome']).toBe(outcome);
    expect(attributes['otel_audit.status']).toBe(word);
  });

  it.each([
    [{ authentication: 'oidc', email: 'e', name: 'n' }, 'e', 'user'],
    [{ authentication: 'token', name: 'n' }, 'n', 'service'],
    [{ authentication: 'kubernetes' }, 'kubernetes', 'service'],
    [{ authentication: 'none' }, 'anonymous', 'user'],
    [{ ip: '10.0.0.1' }, 'anonymous', 'user'],
  ])('names the actor %j %s, a %s', (actor, id, type) => {
    expect(withActor(actor)).toMatchObject({ 'audit.actor.id': id, 'audit.actor.type': type });
  });

  it('has an anonymous actor, and no source, where there is none', () => {
    const attributes = attributesWith({});
    expect(attributes).toMatchObject({ 'audit.actor.id': 'anonymous', 'audit.actor.type': 'user' });
    expect(Object.keys(attributes)).not.toContain('audit.source.id');
    expect(Object.keys(attributes)).not.toContain('otel_audit.actor');
  });

  it.each([
    ['10.0.0.7', 'ipv4'],
    ['::1', 'ipv6'],
    ['gateway.example', 'hostname'],
  ])('calls the source %s %s', (ip, type) => {
    expect(withActor({ ip })).toMatchObject({ 'audit.source.id': ip, 'audit.source.type': type });
  });

  it.each([
    [{ key: 'k', id: 'i' }, 'k'],
    [{ id: 'i', namespace_key: 'n' }, 'n/i'],
    [{ id: 12 }, '12'],
    [{ name: 'x' }, undefined],
    [['key'], undefined],
    ['key', undefined],
    [null, undefined],
  ])('names the target of %j %s', (payload, id) => {
    expect(attributesWith({ payload })['audit.target.id']).toBe(id);
  });

  it('has no body for a payload that is absent or null, which a ledger cannot tell apart', () => {
    expect(map(createEvent(base)).body).toBeUndefined();
    expect(map(createEvent({ ...base, payload: null })).body).toBeUndefined();
  });

  it('keeps the payload as it was recorded beside a body that is not exact', () => {
    const text = '{"id":9007199254740993,"amount":12.50}';
    const attributes = { ...encodeEvent(createEvent(base)), 'flipt.event.payload': text };
    const decoded = decodeEvent(attributes);
    if (decoded.kind !== 'event') throw new Error(decoded.kind);
    const record = map(decoded.event);
    expect(record.body).toEqual({ id: '9007199254740993', amount: 12.5 });
    expect(record.attributes['otel_audit.payload']).toBe(text);
    expect(record.attributes['audit.target.id']).toBe('9007199254740993');
  });

  it('takes the payload as it was recorded, not as it became', () => {
    const payload = { key: 'before' };
    const event = createEvent({ ...base, payload });
    payload.key = 'after';
    expect(map(event).body).toEqual({ key: 'before' });
  });

  it('keeps the zone of a timestamp', () => {
    const event = { ...createEvent(base), timestamp: '2026-01-31T14:00:00.25+02:00' };
    const { hrTime, attributes } = map(event);
    expect(hrTime).toEqual([1769860800, 250_000_000]);
    expect(attributes['otel_audit.timestamp']).toBe('2026-01-31T14:00:00.25+02:00');
  });

  it.each([
    ['id', { id: '' }],
    ['type', { type: '' }],
    ['action', { action: '' }],
    ['version', { version: '' }],
    ['timestamp', { timestamp: '' }],
    ['timestamp', { timestamp: '1969-07-20T20:17:40Z' }],
    ['id', { id: undefined }],
    ['trace', { trace: { traceId: 'x', spanId: 'y', traceFlags: 0 } }],
    ['payload', { payload: 10n }],
  ])('is refused for want of a sound %s: %j', (member, change) => {
    const event = { ...createEvent({ ...base, payload: 1 }), ...change } as AuditEvent;
    const refusal = () => map(event);
    expect(refusal).toThrow(SinkError);
    expect(refusal).toThrow(expect.objectContaining({ fault: 'event' }) as object as Error);
    expect(refusal).toThrow(member);
  });
});
