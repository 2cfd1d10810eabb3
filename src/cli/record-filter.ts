import { Checker } from '../checker.js';
import { messageOf } from '../errors.js';
import { jsonOf } from './json-text.js';
import { momentOf, type OptionValues, textOf, textsOf } from './options.js';
import type { ScanQuery } from './scan.js';
import { pairOf, type StoredRecord } from './stored-record.js';
import { UsageError } from './usage.js';

/** What `search` and `tail` may ask for. */
export const FILTER_OPTIONS = {
  type: { type: 'string' },
  action: { type: 'string' },
  actor: { type: 'string' },
  status: { type: 'string' },
  trace: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  where: { type: 'string', multiple: true },
} as const;

export const FILTER_HELP = `  --type T            the event's type, such as flag
  --action A          its action, such as deleted
  --actor WHO         a member of the actor has this value: email, name, ip, id…
  --status S          success, denied, failed…
  --trace ID          recorded in this trace
  --since TIME        recorded from then on: RFC 3339, a date, or 90m, 24h, 7d ago
  --until TIME        recorded before then
  --where PATH=VALUE  a member of the event has this value, as in payload.key=checkout;
                      several must all hold`;

/** A question to the records. */
export interface RecordFilter {
  readonly query: ScanQuery;
  accepts(record: StoredRecord): boolean;
}

type Condition = (record: StoredRecord) => boolean;

/**
 * @param pairs `noun:verb` with `*` for any
 * @throws {UsageError}
 */
export function readFilter(
  values: OptionValues,
  pairs: readonly string[],
  now: number,
): RecordFilter {
  const conditions: Condition[] = [];
  const needles: string[] = [];
  const actor = textOf(values, 'actor');
  if (actor !== undefined) {
    needles.push(quoted(actor));
    conditions.push(({ event }) => Object.values(event?.metadata.actor ?? {}).includes(actor));
  }
  const trace = textOf(values, 'trace');
  if (trace !== undefined) {
    needles.push(`"traceId":${quoted(trace)}`);
    conditions.push((record) => record.trace?.traceId === trace);
  }
  for (const text of textsOf(values, 'where')) {
    const { needle, condition } = readWhere(text);
    if (needle !== undefined) needles.push(needle);
    conditions.push(condition);
  }
  for (const member of ['type', 'action', 'status'] as const) {
    const wanted = textOf(values, member);
    if (wanted === undefined) continue;
    needles.push(`"${member}":${quoted(wanted)}`);
    conditions.push(({ event }) => event?.[member] === wanted);
  }
  if (pairs.length > 0) {
    const checker = readPairs(pairs);
    conditions.push((record) => record.event !== undefined && checker.check(pairOf(record)));
  }
  return {
    query: {
      needles: needles.map((needle) => Buffer.from(needle)),
      since: momentOf(values, 'since', now),
      until: momentOf(values, 'until', now),
    },
    accepts: (record) => conditions.every((condition) => condition(record)),
  };
}

function readPairs(pairs: readonly string[]): Checker {
  try {
    return new Checker(pairs, { nouns: 'any', verbs: 'any' });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** As the ledger prints a string: it stands so in the line, if it stands there at all. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

const PATH = /^[^=]+$/;

function readWhere(text: string): { needle: string | undefined; condition: Condition } {
  const split = text.indexOf('=');
  const path = text.slice(0, split);
  const wanted = text.slice(split + 1);
  if (split < 1 || !PATH.test(path)) {
    throw new UsageError(
      `--where takes a path and a value, as in payload.key=checkout; not ${JSON.stringify(text)}`,
    );
  }
  const keys = path.split('.');
  return {
    // A text may stand there with escapes that we would not choose, a number in another spelling.
    needle: PLAIN.test(wanted) ? wanted : undefined,
    condition: ({ event }) => event !== undefined && isAt(event, keys, wanted),
  };
}

/** Digits apart, what every printer prints in the same way. */
const PLAIN = /^[A-Za-z_][\w-]*$/;

function isAt(value: unknown, keys: readonly string[], wanted: string): boolean {
  let at: unknown = value;
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  if (typeof at === 'string') return at === wanted;
  if (typeof at === 'number') return wanted.trim() !== '' && at === Number(wanted);
  return typeof at === 'object' && at !== null ? jsonOf(at) === wanted : String(at) === wanted;
}
