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

/** Where events of a call go. */
export interface CallSpan {
  readonly span: Span | undefined;
  /** To be called once they are there. */
  end(): void;
}

const NOTHING_TO_END = (): void => {};

/**
 * The span that events of a call go onto: the last one in which the handler did something. Where there is none,
 * as without an instrumentation, it is the caller's.
 *
 * The gRPC instrumentation ends a unary call's span before anybody hears of the outcome. An
 * `AuditSpanProcessor` still takes what is added then; where none watches and nobody else would take
 * the events, they get a span of their own.
 *
 * @param hasSender whether events need no span
 */
export function callSpan(
  path: string,
  metadata: Metadata,
  span: Span | undefined,
  hasSender: boolean,
): CallSpan {
  if (span !== undefined && (hasSender || isRecorded(span))) return { span, end: NOTHING_TO_END };
  const parent =
    span === undefined
      ? propagation.extract(ROOT_CONTEXT, metadata, getter)
      : trace.setSpan(context.active(), span);
  if (hasSender) return { span: trace.getSpan(parent), end: NOTHING_TO_END };
  const own = trace.getTracer('otel-audit').startSpan(`audit ${path.slice(1)}`, {}, parent);
  return { span: own, end: () => own.end() };
}

const getter: TextMapGetter<Metadata> = {
  get: (metadata, key) => metadata.get(key).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};
