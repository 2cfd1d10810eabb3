/** What produces spans and records: an SDK's `Resource`, or an object like it. */
export interface SpanResource {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly schemaUrl?: string | undefined;
  /** Detectors are still at work. */
  readonly asyncAttributesPending?: boolean | null | undefined;
  waitForAsyncAttributes?(): Promise<void>;
}

interface Holder {
  resource: SpanResource | undefined;
}

const HOLDER = Symbol.for('otel-audit.resource');

// Registered: a sink of one copy of the package may stand behind an exporter of the other.
const scope = globalThis as { [HOLDER]?: Holder };
scope[HOLDER] ??= { resource: undefined };
const holder = scope[HOLDER];

/** Remembers the span's resource, for a sink sees events and no spans. */
export function noteResource(span: object): void {
  const { resource } = span as { readonly resource?: SpanResource | null };
  if (resource !== undefined && resource !== null) holder.resource = resource;
}

/** The resource of the last span that an exporter or a processor of ours saw in this process. */
export function seenResource(): SpanResource | undefined {
  return holder.resource;
}
