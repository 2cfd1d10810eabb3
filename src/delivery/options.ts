import { AuditError } from '../errors.js';
import type { Backoff } from './backoff.js';

/** How a lane moves events to its sink. Every member has a default. */
export interface DeliveryOptions {
  /** Events a batch. Default: 512. */
  readonly maxBatch?: number | undefined;
  /** Bytes of event JSON a batch; a larger event travels alone. Default: 1 MiB. */
  readonly maxBatchBytes?: number | undefined;
  /** How long events wait for company while nobody waits for them. Default: 1000. */
  readonly maxDelayMs?: number | undefined;
  /** Deadline of one attempt, after which its signal is aborted. Default: 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Exponential backoff with full jitter. Default: from 1 s to 30 s, doubling. */
  readonly backoff?:
    | {
        readonly initialMs?: number | undefined;
        readonly maxMs?: number | undefined;
        readonly factor?: number | undefined;
      }
    | undefined;
  /**
   * With a ledger: how long an event that keeps failing alone, while others get through, is tried
   * before it becomes a dead letter; default 24 h. Without one: how long a batch is tried before it
   * is given up; default 5 minutes. `Infinity` is allowed.
   */
  readonly maxElapsedMs?: number | undefined;
}

/** The same with every member decided. */
export interface Delivery {
  readonly maxBatch: number;
  readonly maxBatchBytes: number;
  readonly maxDelayMs: number;
  readonly timeoutMs: number;
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
}

/** setTimeout's bound: with more it fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
const MINUTE_MS = 60 * 1000;

/** The defaults, which differ in what a loss means. */
export function defaultDelivery(hasLedger: boolean): Delivery {
  return {
    maxBatch: 512,
    maxBatchBytes: 1024 * 1024,
    maxDelayMs: 1000,
    timeoutMs: 30_000,
    backoff: { initialMs: 1000, maxMs: 30_000, factor: 2 },
    maxElapsedMs: hasLedger ? 24 * 60 * MINUTE_MS : 5 * MINUTE_MS,
  };
}

/**
 * Checks delivery options and fills in what is left out.
 *
 * @param path where the options stand, for messages: `SinkSpanExporter: delivery`
 * @throws {AuditError} `invalid-option`, naming path, member and value.
 */
export function resolveDelivery(path: string, options: unknown, fallback: Delivery): Delivery {
  const given = membersOf(path, options, Object.keys(fallback));
  return {
    maxBatch: count(`${path}.maxBatch`, given.maxBatch, fallback.maxBatch),
    maxBatchBytes: count(`${path}.maxBatchBytes`, given.maxBatchBytes, fallback.maxBatchBytes),
    maxDelayMs: numberOf(`${path}.maxDelayMs`, given.maxDelayMs, fallback.maxDelayMs, {
      least: 0,
      most: MAX_TIMER_MS,
    }),
    timeoutMs: duration(`${path}.timeoutMs`, given.timeoutMs, fallback.timeoutMs),
    backoff: resolveBackoff(`${path}.backoff`, given.backoff, fallback.backoff),
    maxElapsedMs: numberOf(`${path}.maxElapsedMs`, given.maxElapsedMs, fallback.maxElapsedMs, {
      above: 0,
    }),
  };
}

function resolveBackoff(path: string, options: unknown, fallback: Backoff): Backoff {
  const given = membersOf(path, options, Object.keys(fallback));
  const initialMs = duration(`${path}.initialMs`, given.initialMs, fallback.initialMs);
  const maxMs = duration(`${path}.maxMs`, given.maxMs, fallback.maxMs);
  const factor = numberOf(`${path}.factor`, given.factor, fallback.factor, {
    least: 1,
    most: 1000,
  });
  if (initialMs <= maxMs) return { initialMs, maxMs, factor };
  // Who sets one of the two must not have to know the other's default.
  if (given.initialMs === undefined) return { initialMs: maxMs, maxMs, factor };
  if (given.maxMs === undefined) return { initialMs, maxMs: initialMs, factor };
  throw invalid(`${path}.initialMs`, `must be at most maxMs, ${maxMs}, not ${initialMs}`);
}

function membersOf(
  path: string,
  options: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(path, 'must be an object');
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid(path, `has no option ${JSON.stringify(key)}`);
  }
  return options as Record<string, unknown>;
}

const duration = (path: string, value: unknown, fallback: number): number =>
  numberOf(path, value, fallback, { above: 0, most: MAX_TIMER_MS });

function count(path: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(path, `must be a whole number above 0, not ${show(value)}`);
}

interface Range {
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
}

function numberOf(path: string, value: unknown, fallback: number, range: Range): number {
  if (value === undefined) return fallback;
  const { above, least, most = Number.POSITIVE_INFINITY } = range;
  if (typeof value === 'number' && value <= most) {
    if (above !== undefined ? value > above : value >= (least ?? 0)) return value;
  }
  const from = above === undefined ? `from ${least ?? 0}` : `above ${above}`;
  const to = most === Number.POSITIVE_INFINITY ? '' : `, at most ${most}`;
  throw invalid(path, `must be a number ${from}${to}, not ${show(value)}`);
}

/** What somebody wrote into a configuration, on one line. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function invalid(path: string, fault: string): AuditError {
  return new AuditError('invalid-option', `${path} ${fault}`);
}
