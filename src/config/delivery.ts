import type { DeliveryOptions } from '../delivery/options.js';
import { fliptMilliseconds } from './duration.js';
import type { Settings } from './schema.js';

type Audit = NonNullable<Settings['audit']>;

/** Flipt's: spans a batch and how long they wait. */
const FLIPT_BUFFER = { capacity: 2, flush_period: '2m' };
const FLIPT_MAX_BACKOFF = '15s';

/** What counts for every sink: Flipt's buffer and ours are one, in two languages. */
export function commonDelivery(audit: Audit, strict: boolean): DeliveryOptions {
  const { capacity, flush_period } = { ...(strict ? FLIPT_BUFFER : {}), ...audit.buffer };
  return {
    ...(capacity === undefined ? {} : { maxBatch: capacity }),
    ...(flush_period === undefined ? {} : { maxDelayMs: fliptMilliseconds(flush_period)! }),
    ...audit.delivery,
  };
}

/** What counts for the webhook, whose longest wait is 15 s in Flipt where nobody sets another. */
export function webhookDelivery(audit: Audit): DeliveryOptions | undefined {
  const { max_backoff_duration, delivery } = audit.sinks?.webhook ?? {};
  const isSet = [delivery, audit.delivery].some((one) => one?.backoff?.maxMs !== undefined);
  if (max_backoff_duration === undefined && isSet) return delivery;
  const maxMs = fliptMilliseconds(max_backoff_duration ?? FLIPT_MAX_BACKOFF)!;
  // A wait shorter than the first one shortens that too, unless somebody set it.
  const { initialMs = audit.delivery?.backoff?.initialMs } = delivery?.backoff ?? {};
  const first = initialMs === undefined ? {} : { initialMs: Math.min(initialMs, maxMs) };
  return { ...delivery, backoff: { ...delivery?.backoff, ...first, maxMs } };
}
