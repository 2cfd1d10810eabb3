import { Burst } from '../burst.js';
import { systemClock } from '../clock.js';
import { warn } from '../diagnostics.js';

// One count for the process, whichever copy of the package the application and the exporter have.
const UNRECORDED = Symbol.for('otel-audit.unrecorded');

interface Counts {
  [UNRECORDED]?: { count: number };
}

const burst = new Burst(systemClock, warn);

/** How many events `addEventToSpan` could not record since the process began. */
export function unrecordedCount(): number {
  return (globalThis as Counts)[UNRECORDED]?.count ?? 0;
}

export function countUnrecorded(): void {
  const counts = globalThis as Counts;
  counts[UNRECORDED] ??= { count: 0 };
  counts[UNRECORDED].count += 1;
}

/** Tells, once a burst, that events were added where nothing records them. */
export function warnUnrecorded(reason: string): void {
  burst.add(
    `an audit event was not recorded: ${reason}; addEventToSpan returned false, sendAudits takes it`,
  );
}
