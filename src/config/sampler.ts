import { isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api';
import type { Sampler } from '../exporter/sampler.js';

// OpenTelemetry's SamplingDecision.
const DROP = 0;
const SAMPLE = 2;

/**
 * An SDK's default: what has a sampled parent, or none, is sampled.
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/sdk/#parentbased
 */
export const parentBasedAlwaysOn: Sampler = {
  shouldSample(context) {
    const parent = trace.getSpanContext(context);
    if (parent === undefined || !isSpanContextValid(parent)) return { decision: SAMPLE };
    return { decision: (parent.traceFlags & TraceFlags.SAMPLED) === 0 ? DROP : SAMPLE };
  },
  toString: () => 'ParentBased{root=AlwaysOnSampler}',
};
