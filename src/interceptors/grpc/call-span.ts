import type { Metadata } from '@grpc/grpc-js';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { isRecorded } from '../../event/span.js';

/**
 * Runs the function with the span that events of a call go onto: the active one. Where there is none, as
 * without an instrumentation, it is the caller's.
 *
 * The gRPC instrumentation ends a unary call's span before anybody hears of the outcome. An
 * `AuditSpanProcessor` still takes what is added then; where none watches and nobody else would take
 * the events, they get a span of their own.
 *
 * @param hasSender whether events need no span
 */
export function inCallSpan<Result>(
  { path, metadata, span }: { path: string; metadata: Metadata; span: Span | undefined },
  hasSender: boolean,
  record: (span: Span | undefined) => Result,
): Result {
  if (span !== undefined && (hasSender || isRecorded(span))) return record(span);
  const parent =
    span === undefined
      ? propagation.extract(ROOT_CONTEXT, metadata, getter)
      : trace.setSpan(context.active(), span);
  if (hasSender) return record(trace.getSpan(parent));
  const own = trace.getTracer('otel-audit').startSpan(`audit ${path.slice(1)}`, {}, parent);
  try {
    return record(own);
  } finally {
    own.end();
  }
}

const getter: TextMapGetter<Metadata> = {
  get: (metadata, key) => metadata.get(key).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};
