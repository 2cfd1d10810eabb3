import type { Metadata } from '@grpc/grpc-js';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';

/** The span in which the client called, if it said so. */
export function callerSpan(metadata: Metadata): Span | undefined {
  return trace.getSpan(callerContext(metadata));
}

/**
 * A span for the events of a call that nobody else would take. The gRPC instrumentation ends a unary call's span
 * before anybody hears of the outcome, and only an `AuditSpanProcessor` still takes what is added then.
 *
 * @param parent the call's own span; without one, as without an instrumentation, it is the caller's
 */
export function startSpan(path: string, metadata: Metadata, parent: Span | undefined): Span {
  const within =
    parent === undefined ? callerContext(metadata) : trace.setSpan(context.active(), parent);
  return trace.getTracer('otel-audit').startSpan(`audit ${path.slice(1)}`, {}, within);
}

function callerContext(metadata: Metadata): Context {
  return propagation.extract(ROOT_CONTEXT, metadata, getter);
}

const getter: TextMapGetter<Metadata> = {
  get: (metadata, key) => metadata.get(key).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};
