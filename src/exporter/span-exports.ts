import type { Attributes } from '@opentelemetry/api';
import { complain } from '../diagnostics.js';
import { AuditError, messageOf, toError } from '../errors.js';
import { AUDIT_KEYS, type attributesToText } from './attributes-text.js';
import type { Capture } from './capture.js';
import { type CollectVisitor, collectEvents } from './collect.js';
import { type Deliveries, joinErrors } from './deliveries.js';
import type { Intake } from './intake.js';
import type { Reporter } from './reporter.js';
import { EXPORT_FAILED, EXPORT_SUCCESS, type ExportResult, type ReadableSpan } from './span.js';
import type { Store } from './store.js';

/** What exports share. */
export interface SpanExportsParts {
  readonly capture: Capture;
  readonly intake: Intake;
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly reporter: Reporter;
  readonly attributesToText: typeof attributesToText;
}

/** Spans that a stock processor hands over when they have ended. */
export class SpanExports {
  readonly #parts: SpanExportsParts;

  constructor(parts: SpanExportsParts) {
    this.#parts = parts;
  }

  /** Takes the spans and calls back, once, when their events are kept. Never throws. */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    const answer = (errors: readonly Error[]) => {
      try {
        resultCallback(
          errors.length === 0
            ? { code: EXPORT_SUCCESS }
            : { code: EXPORT_FAILED, error: joinErrors(errors) },
        );
      } catch (thrown) {
        complain(`the callback of export threw: ${messageOf(thrown)}`);
      }
    };
    let taken: Taken;
    try {
      taken = this.#take(spans);
    } catch (thrown) {
      answer([toError(thrown)]); // no spans at all
      return;
    }
    const { errors } = taken;
    this.#whenKept(taken, (error) => answer(error === undefined ? errors : [...errors, error]));
  }

  /** Keeps what the processor has not captured. */
  #take(spans: readonly ReadableSpan[]): Taken {
    const { capture, intake, store, reporter, attributesToText } = this.#parts;
    for (const span of spans) capture.takeRuled(span);
    capture.drain();
    const newest = store.newest;
    const errors: Error[] = [];
    const sequences: number[] = [];
    const unseen: ReadableSpan[] = [];
    let capturedUpTo = 0;
    for (const span of spans) {
      const isSeen = isCaptured(capture, span);
      const isRuled = capture.hasRuled(span);
      if (!isSeen) unseen.push(span);
      if (!isSeen && !isRuled) continue;
      // Its events stand somewhere before the newest record.
      if (isRuled || mayHaveAuditEvents(span)) capturedUpTo = newest;
      const loss = capture.lossOf(span);
      if (loss !== undefined && !errors.includes(loss)) errors.push(loss);
    }
    const keep = (take: () => number | undefined): void => {
      try {
        const sequence = take();
        if (sequence !== undefined) sequences.push(sequence);
      } catch (error) {
        errors.push(toError(error)); // it is reported already
      }
    };
    const visitor: CollectVisitor = {
      event: (event) => keep(() => intake.capture(event)),
      malformed: (_, content) => keep(() => intake.captureMalformed(content)),
      broken: (cause) => {
        const message = `a span could not be read: ${messageOf(cause)}`;
        errors.push(
          reporter.error('broken', new AuditError('malformed-event', message, { cause })),
        );
      },
    };
    collectEvents(unseen, visitor, attributesToText);
    return { errors, sequences, capturedUpTo };
  }

  #whenKept({ sequences, capturedUpTo }: Taken, settle: (error?: Error) => void): void {
    const { store, deliveries } = this.#parts;
    let last = capturedUpTo;
    for (const sequence of sequences) if (sequence > last) last = sequence;
    if (last === 0) settle();
    else if (store.ledger !== undefined) store.ledger.onDurable(last, { settle });
    else if (capturedUpTo > 0) deliveries.waitUpTo(last, settle);
    else deliveries.waitFor(sequences, settle);
  }
}

/** What came of some spans. */
interface Taken {
  /** Why some of their events are lost. */
  readonly errors: readonly Error[];
  /** The records of events that were taken now. */
  readonly sequences: readonly number[];
  /** The records of those that were captured before are among those up to here; 0: there are none. */
  readonly capturedUpTo: number;
}

function isCaptured(capture: Capture, span: ReadableSpan): boolean {
  try {
    return capture.hasSeen(span) || capture.hasTaken(span);
  } catch {
    return false; // no span: collecting its events will say so
  }
}

/** Whether audit events were added, though an SDK's limits may have dropped them all. */
function mayHaveAuditEvents({ events, droppedEventsCount = 0 }: ReadableSpan): boolean {
  if (droppedEventsCount > 0) return true;
  return events.some(({ attributes }) => attributes !== undefined && hasAuditKeys(attributes));
}

function hasAuditKeys(attributes: Attributes): boolean {
  return AUDIT_KEYS.some((key) => attributes[key] !== undefined);
}
