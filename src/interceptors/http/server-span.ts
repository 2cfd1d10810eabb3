import { context, createContextKey, type Span, trace } from '@opentelemetry/api';

/** Under which OpenTelemetry's HTTP instrumentation leaves the server's span (`@opentelemetry/core`). */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** The span of the request itself, which a framework's instrumentation covers with spans of its own. */
export function serverSpan(): Span | undefined {
  const active = context.active();
  const metadata = active.getValue(RPC_METADATA) as { readonly span?: Span } | undefined;
  return metadata?.span ?? trace.getSpan(active);
}
