import type { LedgerFolder } from './ledgers.js';
import { newestOf } from './newest.js';
import { firstTimeSync, type ScanQuery, segmentsFor } from './scan.js';
import { actorOf, pairOf, type StoredRecord } from './stored-record.js';
import { Tally } from './tally.js';
import { Timeline } from './timeline.js';

/** Counts of records, by what they say and over time. */
export class Statistics {
  readonly timeline: Timeline;
  records = 0;
  malformed = 0;
  /** When the first and the last were recorded; empty where there is none. */
  first = '';
  last = '';
  readonly pairs: Tally;
  readonly actors: Tally;
  readonly statuses: Tally;
  readonly total: number[];

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.pairs = new Tally(timeline.steps);
    this.actors = new Tally(timeline.steps);
    this.statuses = new Tally(timeline.steps);
    this.total = new Array<number>(timeline.steps).fill(0);
  }

  add(record: StoredRecord): void {
    const { at, event } = record;
    this.records += 1;
    if (this.first === '' || at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    const step = this.timeline.stepOf(Date.parse(at));
    this.total[step]! += 1;
    this.pairs.add(pairOf(record), step);
    if (event === undefined) {
      this.malformed += 1;
      return;
    }
    this.actors.add(actorOf(record), step);
    this.statuses.add(event.status ?? '', step);
  }

  toJson() {
    const { records, malformed, first, last, timeline, total } = this;
    const { from, stepMs, steps } = timeline;
    return {
      records,
      malformed,
      first: first === '' ? null : first,
      last: last === '' ? null : last,
      timeline: { from: new Date(from).toISOString(), stepMs, steps, records: total },
      pairs: this.pairs.top(),
      actors: this.actors.top(),
      statuses: this.statuses.top(),
    };
  }
}

/** The time that the records asked for span, as far as the ends of the ledgers tell. */
export function timelineOf(
  ledgers: readonly LedgerFolder[],
  query: ScanQuery,
  now: number,
): Timeline {
  const firsts = ledgers.flatMap((ledger) => {
    const [segment] = segmentsFor(ledger, query);
    return (segment && firstTimeSync(segment.path)) ?? [];
  });
  const lasts = ledgers.flatMap((ledger) => {
    const { record } = newestOf(ledger, {}, 0);
    return record === undefined ? [] : Date.parse(record.at) || now;
  });
  const first = Math.max(query.since ?? 0, firsts.length === 0 ? now : Math.min(...firsts));
  const last = Math.min(query.until ?? Number.POSITIVE_INFINITY, Math.max(first, ...lasts));
  return new Timeline(Math.min(first, last), last);
}
