import type { Clock } from '../../clock.js';
import type { AuditEvent } from '../../event/event.js';
import type { RecordInfo } from '../../sink.js';
import { type HrTime, toHrTime } from './time.js';

/**
 * When an event was first seen: when the ledger took it or, without one, when the sink did. The same
 * through every retry, since a receiver may refuse the same id with other content.
 */
export class Observed {
  readonly #clock: Clock;
  readonly #seen = new WeakMap<AuditEvent, HrTime>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  at(event: AuditEvent, info: RecordInfo | undefined): HrTime {
    const recorded = info === undefined ? undefined : toHrTime(info.recordedAt);
    return recorded ?? this.#firstSeen(event);
  }

  #firstSeen(event: AuditEvent): HrTime {
    let time = this.#seen.get(event);
    if (time === undefined) {
      const now = this.#clock.now();
      time = [Math.floor(now / 1000), (now % 1000) * 1e6];
      this.#seen.set(event, time);
    }
    return time;
  }
}
