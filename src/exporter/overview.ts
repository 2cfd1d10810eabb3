import type { Clock } from '../clock.js';
import { unrecordedCount } from '../event/unrecorded.js';
import type { Destination } from './destination.js';
import type { Intake } from './intake.js';
import type { ExporterHealth, ExporterStats, HealthProblem } from './stats.js';
import type { Store } from './store.js';

/** What became of the events so far. */
export function statsOf(
  intake: Intake,
  { ledger }: Store,
  destinations: readonly Destination[],
): ExporterStats {
  const { emitted, rejected, malformed, dropped } = intake;
  const sinks = Object.fromEntries(destinations.map(({ name, stats }) => [name, stats]));
  const backlogs = Object.values(sinks).map(({ backlog }) => backlog);
  const unsynced = ledger === undefined ? 0 : ledger.newest - ledger.deliverable;
  return {
    emitted,
    rejected,
    malformed,
    dropped,
    unrecorded: unrecordedCount(),
    pending: unsynced + Math.max(0, ...backlogs),
    sinks,
  };
}

/** What is wrong now. */
export function healthOf(
  { ledger }: Store,
  destinations: readonly Destination[],
  clock: Clock,
  shutdownAt: number | undefined,
): ExporterHealth {
  const problems: HealthProblem[] = [];
  const now = clock.monotonic();
  if (shutdownAt !== undefined) {
    const message = 'the exporter is shut down; nothing more is taken';
    problems.push({ message, forMs: Math.round(now - shutdownAt), waiting: 0 });
  }
  if (ledger?.trouble !== undefined) {
    const { message, since } = ledger.trouble;
    problems.push({ message, forMs: Math.round(now - since), waiting: ledger.waitingBytes });
  }
  for (const { name, trouble, stats } of destinations) {
    if (trouble === undefined) continue;
    const { message, since } = trouble;
    problems.push({ sink: name, message, forMs: Math.round(now - since), waiting: stats.backlog });
  }
  return { ok: problems.length === 0, problems };
}
