import { describe, expect, it } from '@jest/globals';
import { AuditError, messageOf, toError } from '../src/errors.js';
import { SinkError } from '../src/sink.js';

describe('the classes of errors', () => {
  it('know their own, and one another not', () => {
    expect(new AuditError('shutdown', 'x')).toBeInstanceOf(AuditError);
    expect(new AuditError('shutdown', 'x')).toBeInstanceOf(Error);
    expect(new SinkError('event', 'x')).not.toBeInstanceOf(AuditError);
    expect(new Error('x')).not.toBeInstanceOf(SinkError);
  });

  it('tell a subclass from its base', () => {
    class QuotaError extends SinkError {}
    expect(new QuotaError('transient', 'x')).toBeInstanceOf(SinkError);
    expect(new QuotaError('transient', 'x')).toBeInstanceOf(QuotaError);
    expect(new SinkError('transient', 'x')).not.toBeInstanceOf(QuotaError);
  });
});

describe('anything thrown', () => {
  const unshowable: unknown[] = [
    Object.create(null),
    Object.defineProperty(new Error('x'), 'message', { get: () => Object.create(null) }),
    new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('do not look');
        },
      },
    ),
  ];

  it.each(unshowable)('can be told, though it cannot be shown (%#)', (thrown) => {
    expect(messageOf(thrown)).toBe('something that cannot be shown');
    expect(toError(thrown)).toBeInstanceOf(Error);
  });

  it('is told by its message', () => {
    expect(messageOf(new TypeError('wrong'))).toBe('wrong');
    expect(messageOf('wrong')).toBe('wrong');
    expect(toError('wrong').message).toBe('wrong');
  });
});
