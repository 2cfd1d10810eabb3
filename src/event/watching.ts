import type { Span } from '@opentelemetry/api';

/**
 * Stands on an `addEvent` that captures what is added. Registered, for spans may be watched by an
 * exporter of the package's other copy.
 */
export const WATCHING = Symbol.for('otel-audit.watching');

/** Who watches through an `addEvent`, and the function that it covers. */
export interface Watching {
  readonly capture: object;
  readonly original: unknown;
}

/** What stands on an `addEvent`; undefined where it does not watch. */
export function watchingOf(addEvent: unknown): Watching | undefined {
  return typeof addEvent === 'function'
    ? (addEvent as { [WATCHING]?: Watching })[WATCHING]
    : undefined;
}

/** Whether what is added to the span is captured, even after the span's end. */
export function isWatched(span: Span): boolean {
  return watchingOf(span.addEvent) !== undefined;
}
