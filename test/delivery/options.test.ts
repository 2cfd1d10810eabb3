import { describe, expect, it } from '@jest/globals';
import { defaultDelivery, resolveDelivery } from '../../src/delivery/options.js';
import { AuditError } from '../../src/errors.js';

const fallback = defaultDelivery(true);
const resolve = (options: unknown) => resolveDelivery('delivery', options, fallback);

describe('delivery options', () => {
  it('have defaults', () => {
    expect(resolve(undefined)).toEqual({
      maxBatch: 512,
      maxBatchBytes: 1_048_576,
      maxDelayMs: 1000,
      timeoutMs: 30_000,
      backoff: { initialMs: 1000, maxMs: 30_000, factor: 2 },
      maxElapsedMs: 86_400_000,
    });
    expect(defaultDelivery(false).maxElapsedMs).toBe(300_000);
    expect(resolve({ maxBatch: undefined, backoff: { factor: undefined } })).toEqual(fallback);
  });

  it('fall back member by member', () => {
    const common = resolve({ maxBatch: 10, backoff: { factor: 3 } });
    const own = resolveDelivery('sinks.a.delivery', { backoff: { maxMs: 60_000 } }, common);
    expect(own).toMatchObject({
      maxBatch: 10,
      backoff: { initialMs: 1000, maxMs: 60_000, factor: 3 },
    });
  });

  it('take the edges', () => {
    const edges = {
      maxBatch: 1,
      maxBatchBytes: 1,
      maxDelayMs: 0,
      timeoutMs: 2_147_483_647,
      backoff: { initialMs: 0.5, maxMs: 0.5, factor: 1 },
      maxElapsedMs: Number.POSITIVE_INFINITY,
    };
    expect(resolve(edges)).toEqual(edges);
  });

  it('set the other bound of a backoff where only one is given', () => {
    expect(resolve({ backoff: { maxMs: 50 } }).backoff).toMatchObject({ initialMs: 50, maxMs: 50 });
    expect(resolve({ backoff: { initialMs: 60_000 } }).backoff).toMatchObject({
      initialMs: 60_000,
      maxMs: 60_000,
    });
  });

  it.each([
    [null, 'delivery must be an object'],
    ['fast', 'delivery must be an object'],
    [[], 'delivery must be an object'],
    [{ maxBatchs: 1 }, 'delivery has no option "maxBatchs"'],
    [{ backoff: { jitter: true } }, 'delivery.backoff has no option "jitter"'],
    [{ backoff: 5 }, 'delivery.backoff must be an object'],
    [{ maxBatch: 0 }, 'delivery.maxBatch must be a whole number above 0, not 0'],
    [{ maxBatch: 1.5 }, 'delivery.maxBatch must be a whole number above 0, not 1.5'],
    [{ maxBatch: null }, 'delivery.maxBatch must be a whole number above 0, not null'],
    [{ maxBatchBytes: '1' }, 'delivery.maxBatchBytes must be a whole number above 0, not "1"'],
    [{ maxDelayMs: -1 }, 'delivery.maxDelayMs must be a number from 0, at most 2147483647, not -1'],
    [
      { timeoutMs: Number.NaN },
      'delivery.timeoutMs must be a number above 0, at most 2147483647, not NaN',
    ],
    [{ timeoutMs: 0 }, 'delivery.timeoutMs must be a number above 0, at most 2147483647, not 0'],
    [
      { timeoutMs: 2 ** 31 },
      'delivery.timeoutMs must be a number above 0, at most 2147483647, not 2147483648',
    ],
    [
      { timeoutMs: {} },
      'delivery.timeoutMs must be a number above 0, at most 2147483647, not an object',
    ],
    [{ maxElapsedMs: 0 }, 'delivery.maxElapsedMs must be a number above 0, not 0'],
    [
      { backoff: { factor: 0.5 } },
      'delivery.backoff.factor must be a number from 1, at most 1000, not 0.5',
    ],
    [
      { backoff: { initialMs: 10, maxMs: 5 } },
      'delivery.backoff.initialMs must be at most maxMs, 5, not 10',
    ],
  ])('refuse %j: %s', (options, message) => {
    const refused = () => resolve(options);
    expect(refused).toThrow(AuditError);
    expect(refused).toThrow(new AuditError('invalid-option', message));
    expect(refused).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  });
});
