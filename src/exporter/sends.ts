import type { Clock } from '../clock.js';
import { AuditError, messageOf } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import type { AuditReceipt } from '../receipt.js';
import type { Capture } from './capture.js';
import { Deadlines } from './deadlines.js';
import type { Deliveries } from './deliveries.js';
import type { Intake } from './intake.js';
import { requireTimeout } from './options.js';
import { toRecorded } from './recorded.js';
import { Send, type SendLimits, type SendParts } from './send.js';
import type { SendOptions } from './send-options.js';
import type { Store } from './store.js';

const TIMEOUT_MS = 30_000;

/** Events that come without a span, from a caller who waits for them. */
export class Sends {
  readonly #intake: Intake;
  readonly #parts: SendParts;
  readonly #capture: Pick<Capture, 'drain'>;
  readonly #deadlines: Deadlines;
  readonly #defaults: SendLimits;

  constructor(
    intake: Intake,
    store: Store,
    deliveries: Deliveries,
    capture: Pick<Capture, 'drain'>,
    clock: Clock,
  ) {
    this.#intake = intake;
    this.#parts = { ledger: store.ledger, deliveries, clock };
    this.#capture = capture;
    this.#deadlines = new Deadlines(clock, TIMEOUT_MS);
    this.#defaults = { until: 'durable', timeoutMs: TIMEOUT_MS, deadlines: this.#deadlines };
  }

  /**
   * Checks all of the events, keeps those that pass, and waits for them.
   *
   * @throws {AuditError} at once where nothing, or not everything, could be kept
   */
  send(
    events: readonly AuditEvent[],
    options: SendOptions | undefined,
  ): Promise<(AuditReceipt | null)[]> {
    const limits = options === undefined ? this.#defaults : this.#limitsOf(options);
    if (!Array.isArray(events)) {
      throw new AuditError('invalid-event', 'sendAudits: events must be an array');
    }
    const intake = this.#intake;
    // A ledger keeps texts, and makes the recorded event for the first who asks for it.
    const mayBeAsMade = this.#parts.ledger !== undefined;
    // Of the right length from the start: an array that grows takes room for 17.
    const recorded = new Array<AuditEvent | undefined>(events.length);
    for (let index = 0; index < events.length; index += 1) {
      const event = toRecorded(events[index], index, mayBeAsMade);
      intake.requireSize(event, index);
      recorded[index] = event;
    }
    this.#capture.drain(); // what was recorded before comes before
    let passing = 0;
    // All of them before the first is kept: where one cannot be redacted, none is recorded.
    for (let index = 0; index < recorded.length; index += 1) {
      if (intake.passes(recorded[index]!)) passing += 1;
      else recorded[index] = undefined;
    }
    if (passing === 0) return Promise.resolve(recorded.map(() => null));
    for (let index = 0; index < recorded.length; index += 1) {
      const event = recorded[index];
      if (event !== undefined) recorded[index] = intake.redact(event, index);
    }
    const send = new Send(this.#parts, limits, recorded.length);
    try {
      for (const event of recorded) {
        if (event === undefined) send.skip();
        else send.add(intake.accept(event));
      }
    } catch (error) {
      send.abandon();
      throw error;
    }
    return send.wait();
  }

  #limitsOf(options: SendOptions): SendLimits {
    const { until = 'durable', timeoutMs = TIMEOUT_MS } = options ?? {}; // null, from JavaScript
    requireTimeout('sendAudits: timeoutMs', timeoutMs);
    if (until !== 'durable' && until !== 'delivered') {
      throw new AuditError(
        'invalid-option',
        `sendAudits: until must be 'durable' or 'delivered', not ${messageOf(until)}`,
      );
    }
    const deadlines = timeoutMs === TIMEOUT_MS ? this.#deadlines : undefined;
    return { until, timeoutMs, deadlines };
  }
}
