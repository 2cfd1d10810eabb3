import type { AuditSpanProcessor } from '../exporter/processor.js';
import { alwaysRecord, type Sampler } from '../exporter/sampler.js';

// The one place that knows how an SDK's tracer provider is made inside. From 2.0 on none of them takes a
// processor after it was made, and no version another sampler. test/compat tries each.

/** 1.x, 2.x, 3.x: what holds the processors. */
interface Processors {
  _spanProcessors?: unknown;
}

interface SamplerHolder {
  sampler?: unknown;
}

interface Provider {
  /** 1.x */
  activeSpanProcessor?: Processors;
  addSpanProcessor?(processor: AuditSpanProcessor): void;
  /** From 2.0 on. */
  _activeSpanProcessor?: Processors;
  /** What tracers are made with: up to 2.0 or so, and from then on. */
  _config?: SamplerHolder;
  _tracerOptions?: SamplerHolder;
  /** Those that are made already. */
  _tracers?: unknown;
  getTracer?(name: string): unknown;
}

const ours = new WeakSet<object>();

/**
 * Has a tracer provider that stands already send its spans through the processor, as the first of its
 * processors, and record every span.
 *
 * @returns what could not be done, and what to do instead; undefined: all is well
 */
export function joinProvider(provider: unknown, processor: AuditSpanProcessor): string | undefined {
  const name = nameOf(provider);
  try {
    if (!addProcessor(provider as Provider, processor)) {
      return `the tracer provider ${name} cannot be joined, so audit events on its spans are not recorded: ${REMEDY}`;
    }
    if (!wrapSamplers(provider as Provider)) {
      return `the sampler of the tracer provider ${name} cannot be wrapped, so audit events on spans that it does not sample are not recorded: ${REMEDY}`;
    }
    return undefined;
  } catch {
    return `the tracer provider ${name} cannot be joined: it cannot be read; ${REMEDY}`;
  }
}

const REMEDY =
  'give it the spanProcessor and the sampler of createAudit (otel-audit/config) where it is made';

function addProcessor(provider: Provider, processor: AuditSpanProcessor): boolean {
  // 1.x may have none yet, and then no list either.
  if (typeof provider.addSpanProcessor === 'function') provider.addSpanProcessor(processor);
  const holder = provider._activeSpanProcessor ?? provider.activeSpanProcessor;
  const processors = holder?._spanProcessors;
  if (holder === undefined || !Array.isArray(processors)) return false;
  // A new list, for this one may be the user's own. First, for an SDK does not go on after one that throws.
  holder._spanProcessors = [processor, ...processors.filter((each) => each !== processor)];
  return (holder._spanProcessors as unknown[])[0] === processor;
}

function wrapSamplers(provider: Provider): boolean {
  for (const holder of [provider._config, provider._tracerOptions]) {
    if (holder?.sampler !== undefined) holder.sampler = wrap(holder.sampler);
  }
  if (provider._tracers instanceof Map) {
    for (const tracer of provider._tracers.values()) wrapSamplerOf(tracer);
  }
  const tracer = provider.getTracer?.('otel-audit') as { _sampler?: object } | undefined;
  return tracer?._sampler !== undefined && ours.has(tracer._sampler);
}

function wrapSamplerOf(tracer: { _sampler?: unknown } | undefined): void {
  if (tracer?._sampler !== undefined) tracer._sampler = wrap(tracer._sampler);
}

/** Two tracers with one sampler share what it is wrapped in. */
const wrapped = new WeakMap<object, Sampler>();

function wrap(sampler: unknown): Sampler {
  const given = sampler as Sampler;
  if (ours.has(given)) return given;
  let recording = wrapped.get(given);
  if (recording === undefined) {
    recording = alwaysRecord(given);
    ours.add(recording);
    wrapped.set(given, recording);
  }
  return recording;
}

function nameOf(provider: unknown): string {
  try {
    return String((provider as object).constructor.name);
  } catch {
    return 'that is registered';
  }
}
