import { describe, expect, it } from '@jest/globals';
import { commonDelivery, webhookDelivery } from '../../src/config/delivery.js';

describe('delivery for every sink', () => {
  it('takes the buffer’s capacity as the size of a batch, its flush period as the delay', () => {
    const buffer = { capacity: 7, flush_period: '3m' };
    expect(commonDelivery({ buffer }, false)).toEqual({ maxBatch: 7, maxDelayMs: 180_000 });
    expect(commonDelivery({ buffer: { flush_period: 1e9 } }, false)).toEqual({ maxDelayMs: 1000 });
  });

  it('is the exporter’s own where nobody says anything, and Flipt’s where it is strict', () => {
    expect(commonDelivery({}, false)).toEqual({});
    expect(commonDelivery({}, true)).toEqual({ maxBatch: 2, maxDelayMs: 120_000 });
    expect(commonDelivery({ delivery: { maxBatch: 9 } }, true).maxBatch).toBe(9);
  });
});

describe('delivery to the webhook', () => {
  const webhook = (more: object) => webhookDelivery({ sinks: { webhook: more } });

  it('waits 15 s at most, as in Flipt, unless a file says otherwise', () => {
    expect(webhook({})).toEqual({ backoff: { maxMs: 15_000 } });
    expect(webhook({ max_backoff_duration: '1m' })).toEqual({ backoff: { maxMs: 60_000 } });
    expect(webhook({ delivery: { backoff: { maxMs: 20_000 } } })?.backoff?.maxMs).toBe(20_000);
    const audit = { delivery: { backoff: { maxMs: 40_000 } }, sinks: { webhook: {} } };
    expect(webhookDelivery(audit)?.backoff?.maxMs).toBeUndefined(); // then the common one counts
    const own = { sinks: { webhook: { delivery: { maxBatch: 3 } } }, delivery: audit.delivery };
    expect(webhookDelivery(own)).toEqual({ maxBatch: 3 });
  });

  it('does not begin with a longer wait than the longest', () => {
    const audit = {
      delivery: { backoff: { initialMs: 5000 } },
      sinks: { webhook: { max_backoff_duration: '2s' } },
    };
    expect(webhookDelivery(audit)).toEqual({ backoff: { initialMs: 2000, maxMs: 2000 } });
  });
});
