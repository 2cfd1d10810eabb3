const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps that people count in. */
const STEPS: readonly (readonly [number, string])[] = [
  [SECOND, 'second'],
  [10 * SECOND, '10 seconds'],
  [MINUTE, 'minute'],
  [5 * MINUTE, '5 minutes'],
  [15 * MINUTE, '15 minutes'],
  [HOUR, 'hour'],
  [6 * HOUR, '6 hours'],
  [DAY, 'day'],
  [7 * DAY, 'week'],
  [30 * DAY, '30 days'],
  [365 * DAY, '365 days'],
];
const MOST_STEPS = 24;

/** A span of time in steps of one length, at whole multiples of it (UTC). */
export class Timeline {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly stepMs: number;
  readonly stepName: string;
  /** How many there are. */
  readonly steps: number;

  /** The shortest steps of which two dozen span the time. */
  constructor(first: number, last: number) {
    const spans = (stepMs: number) => Math.floor(last / stepMs) - Math.floor(first / stepMs) + 1;
    const step = STEPS.find(([stepMs]) => spans(stepMs) <= MOST_STEPS) ?? STEPS.at(-1)!;
    [this.stepMs, this.stepName] = step;
    this.from = Math.floor(first / this.stepMs) * this.stepMs;
    this.steps = Math.min(Math.max(1, spans(this.stepMs)), 1000);
  }

  /** The step of a moment; what lies outside, as where a clock was set back, counts to the nearest. */
  stepOf(time: number): number {
    const step = Math.floor((time - this.from) / this.stepMs);
    return Math.min(Math.max(0, step || 0), this.steps - 1);
  }

  /** When a step begins, as short as its length allows. */
  nameOf(step: number): string {
    const text = new Date(this.from + step * this.stepMs).toISOString();
    if (this.stepMs >= DAY) return text.slice(0, 10);
    return text.slice(0, this.stepMs >= MINUTE ? 16 : 19).replace('T', ' ');
  }
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** Counts as a row of bars; nothing where there was nothing. */
export function sparkline(counts: readonly number[]): string {
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  return counts
    .map((count) => (count === 0 ? ' ' : LEVELS[Math.ceil((count / most) * LEVELS.length) - 1]))
    .join('');
}
