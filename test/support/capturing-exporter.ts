import type { AuditError } from '../../src/errors.js';
import { asRecorded } from '../../src/event/attributes.js';
import type { AuditEvent, EventTrace } from '../../src/event/event.js';
import { Capture } from '../../src/exporter/capture.js';
import { CAPTURE } from '../../src/exporter/span-capture.js';
import type { MalformedContent } from '../../src/ledger/record.js';
import type { FakeClock } from './fake-clock.js';

/** The part of an exporter that a span processor sees; it notes what its capture hands on. */
export class CapturingExporter {
  readonly [CAPTURE]: Capture;
  readonly events: AuditEvent[] = [];
  /** The ids of events that were added after their span's end. */
  readonly late: string[] = [];
  readonly malformed: MalformedContent[] = [];
  /** The ids of events and malformed ones, in the order in which they were handed on. */
  readonly ids: string[] = [];
  /** How often something was said to wait. */
  queued = 0;
  readonly calls: string[] = [];
  /** What the target answers: nothing is kept while it is set. */
  loss: AuditError | undefined;

  constructor(clock?: FakeClock) {
    const target = {
      queued: () => {
        this.queued += 1;
      },
      event: (event: AuditEvent, late: boolean, trace?: EventTrace) => {
        this.events.push(trace === undefined ? event : asRecorded(event, trace));
        this.ids.push(event.id);
        if (late) this.late.push(event.id);
        return this.loss;
      },
      malformed: (content: MalformedContent) => {
        this.malformed.push(content);
        this.ids.push(content.id);
        if (content.late) this.late.push(content.id);
        return this.loss;
      },
    };
    this[CAPTURE] = new Capture(target, clock);
  }

  drain(): this {
    this[CAPTURE].drain();
    return this;
  }

  async forceFlush(): Promise<void> {
    this.calls.push('forceFlush');
  }

  async shutdown(): Promise<void> {
    this.calls.push('shutdown');
  }
}
