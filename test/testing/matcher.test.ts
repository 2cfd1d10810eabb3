import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { recordingSink, toHaveAudited } from '../../src/testing/index.js';

expect.extend({ toHaveAudited });

const event = createEvent({
  id: 'e-1',
  type: 'flag',
  action: 'created',
  actor: { name: 'Ann', authentication: 'token' },
  payload: { key: 'a', rules: [{ rank: 1, id: 'r' }] },
  timestamp: '2026-01-31T12:00:00.000Z',
});
const other = createEvent({ type: 'flag', action: 'updated', status: 'denied' });
const messageOf = (assert: () => void): string => {
  try {
    assert();
  } catch (error) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    return (error as Error).message.replace(/\u001b\[\d+m/g, '');
  }
  throw new Error('it did not fail');
};

describe('toHaveAudited', () => {
  it('finds an event by its pair, in a list or in a sink', async () => {
    const sink = recordingSink();
    await sink.sendAudits([event, other], { signal: new AbortController().signal, attempt: 1 });
    for (const audited of [[event, other], sink]) {
      expect(audited).toHaveAudited('flag:created');
      expect(audited).toHaveAudited('flag:updated');
      expect(audited).not.toHaveAudited('flag:deleted');
    }
  });

  it('compares what is named, and in it what is named', () => {
    const audited = [other, event];
    expect(audited).toHaveAudited('flag:created', { payload: { key: 'a' } });
    expect(audited).toHaveAudited('flag:created', { payload: { rules: [{ rank: 1 }] } });
    expect(audited).toHaveAudited('flag:created', { actor: { name: 'Ann' }, status: 'success' });
    expect(audited).toHaveAudited('flag:created', {
      actor: expect.objectContaining({ name: 'Ann' }),
    });
    expect(audited).toHaveAudited('flag:created', { id: expect.stringMatching(/^e-/) });
    expect(audited).toHaveAudited('flag:updated', { status: 'denied', actor: undefined });
    expect(audited).not.toHaveAudited('flag:created', { payload: { key: 'b' } });
    expect(audited).not.toHaveAudited('flag:created', { payload: { key: 'a', more: 1 } });
    expect(audited).not.toHaveAudited('flag:created', { payload: { rules: [] } });
    expect(audited).not.toHaveAudited('flag:created', { status: 'denied' });
    expect(audited).not.toHaveAudited('flag:created', { timestamp: '2026-01-31' });
  });

  it('wants all of it of one event', () => {
    const second = createEvent({ type: 'flag', action: 'created', payload: { key: 'b' } });
    expect([event, second]).not.toHaveAudited('flag:created', {
      actor: { name: 'Ann' },
      payload: { key: 'b' },
    });
  });

  it('says what is there instead', () => {
    expect(messageOf(() => expect([event, other, other]).toHaveAudited('flag:deleted'))).toBe(
      'expected flag:deleted to have been audited; there are: flag:created, flag:updated',
    );
    const message = messageOf(() =>
      expect([event]).toHaveAudited('flag:created', { payload: { key: 'b' } }),
    );
    expect(message).toContain(
      'expected flag:created to have been audited with {"payload": {"key": "b"}}; of this pair there is:\n',
    );
    expect(message).toContain('"key": "a"');
    expect(messageOf(() => expect([event]).not.toHaveAudited('flag:created'))).toContain(
      'expected flag:created not to have been audited; of this pair there is:\n',
    );
  });

  it('reminds of the flush where there is nothing', () => {
    expect(messageOf(() => expect(recordingSink()).toHaveAudited('flag:created'))).toBe(
      'expected flag:created to have been audited; nothing is recorded, or has not reached the sink: await exporter.forceFlush()',
    );
  });

  it.each([undefined, null, 7, {}, { events: 7 }])('refuses %j', (received) => {
    expect(() => expect(received).toHaveAudited('flag:created')).toThrow(
      'toHaveAudited takes a recordingSink(), a memoryProvider(…) or a list of events',
    );
  });
});
