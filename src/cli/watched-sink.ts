import { messageOf } from '../errors.js';
import { type SendContext, type Sink, SinkError } from '../sink.js';

/** A sink, and what has become of each event that it was given. */
export interface WatchedSink {
  readonly sink: Sink;
  /** By the event's id; undefined if it was not sent, or was stored. */
  faultOf(id: string): { readonly isFinal: boolean; readonly reason: string } | undefined;
  isStored(id: string): boolean;
  /** What was seen so far is of no interest any more. */
  forget(): void;
}

/**
 * Looks over the shoulder of a sink: an exporter tells how many events were stored, not which. Whoever made
 * the sink closes it.
 */
export function watchSink(inner: Sink): WatchedSink {
  const stored = new Set<string>();
  const faults = new Map<string, { readonly isFinal: boolean; readonly reason: string }>();
  const sink: Sink = {
    async sendAudits(events, context: SendContext) {
      try {
        await inner.sendAudits(events, context);
        for (const { id } of events) stored.add(id);
      } catch (error) {
        const failed = error instanceof SinkError ? error.failed : undefined;
        const isFinal = error instanceof SinkError && error.fault === 'event';
        for (const [index, { id }] of events.entries()) {
          if (failed === undefined || failed.includes(index)) {
            faults.set(id, { isFinal, reason: messageOf(error) });
          } else stored.add(id);
        }
        throw error;
      }
    },
  };
  return {
    sink,
    isStored: (id) => stored.has(id),
    forget() {
      stored.clear();
      faults.clear();
    },
    faultOf: (id) => (stored.has(id) ? undefined : faults.get(id)),
  };
}
