import { describe, expect, it } from '@jest/globals';
import { judge } from '../../src/delivery/verdict.js';
import { SinkError } from '../../src/sink.js';

/** What the other copy of this package, of whatever version, throws. */
function foreign(members: Record<string, unknown>): Error {
  const error = Object.assign(new Error('from elsewhere'), members);
  Object.defineProperty(error, Symbol.for('otel-audit.SinkError'), { value: true });
  return error;
}

describe('what a sink threw', () => {
  it.each(['transient', 'event', 'sink'] as const)(
    'is a fault of kind %s if it says so',
    (fault) => {
      expect(judge(new SinkError(fault, 'no'), 3)).toEqual({
        fault,
        askedMs: 0,
        failed: undefined,
        message: 'no',
      });
    },
  );

  it('is transient where it is no SinkError', () => {
    const impostor = Object.assign(new Error('no'), { fault: 'event', failed: [] });
    expect(judge(impostor, 3)).toMatchObject({ fault: 'transient', failed: undefined });
    expect(judge('no', 3)).toMatchObject({ fault: 'transient', message: 'no' });
    expect(judge(undefined, 3)).toMatchObject({ fault: 'transient', message: 'undefined' });
  });

  it('counts from the other copy of the package too', () => {
    const verdict = judge(foreign({ fault: 'event', failed: [1], retryAfterMs: 5 }), 3);
    expect(verdict).toMatchObject({ fault: 'event', askedMs: 5, failed: new Set([1]) });
  });

  it('is transient where its kind is one we do not know', () => {
    expect(judge(foreign({ fault: 'quota' }), 3).fault).toBe('transient');
  });

  it('is transient where it cannot be looked at', () => {
    const shy = new Proxy(new Error('no'), {
      get() {
        throw new Error('do not look');
      },
      getOwnPropertyDescriptor() {
        throw new Error('do not look');
      },
    });
    expect(judge(shy, 3)).toMatchObject({ fault: 'transient', failed: undefined });
    const trapped = foreign({});
    Object.defineProperty(trapped, 'fault', {
      get() {
        throw new Error('do not look');
      },
    });
    expect(judge(trapped, 3)).toMatchObject({ fault: 'transient', message: 'from elsewhere' });
  });

  it('names events once, in whatever order', () => {
    expect(judge(new SinkError('event', 'no', { failed: [2, 0, 2] }), 3).failed).toEqual(
      new Set([2, 0]),
    );
  });
});
