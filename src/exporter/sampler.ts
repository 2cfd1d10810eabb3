import type { Attributes, Context, Link, SpanKind, TraceState } from '@opentelemetry/api';
import { AuditError } from '../errors.js';

/** The part of an SDK's `Sampler` that {@link alwaysRecord} uses; the same in every version. */
export interface Sampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult;
  toString(): string;
}

/** What a {@link Sampler} decides. */
export interface SamplingResult {
  /** OpenTelemetry's `SamplingDecision`, a number since each SDK declares an enum of its own. */
  decision: number;
  attributes?: Readonly<Attributes>;
  traceState?: TraceState;
}

const NOT_RECORD = 0;
const RECORD = 1;

/**
 * A sampler that samples exactly what the given one does, and has every other span recorded, so that
 * an {@link AuditSpanProcessor} sees its audit events. Wrap the outermost one, such as a
 * `ParentBasedSampler`: a caller that sends `traceparent: …-00` cannot hide then.
 *
 * @throws {AuditError} `invalid-option` for what is no sampler.
 * @example
 * alwaysRecord(new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.1) }));
 */
export function alwaysRecord(sampler: Sampler): Sampler {
  if (typeof sampler?.shouldSample !== 'function') {
    throw new AuditError('invalid-option', 'alwaysRecord: sampler must have a method shouldSample');
  }
  return {
    shouldSample(...args) {
      const result = sampler.shouldSample(...args);
      if (result?.decision !== NOT_RECORD) return result;
      const { attributes, traceState } = result;
      return {
        decision: RECORD,
        ...(attributes && { attributes }),
        ...(traceState && { traceState }),
      };
    },
    toString: () => `AlwaysRecord{${String(sampler)}}`,
  };
}
