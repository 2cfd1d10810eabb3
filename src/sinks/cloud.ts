import type { Clock } from '../clock.js';
import { AuditError } from '../errors.js';
import { isHeaderValue } from '../http/headers.js';
import { invalidOption, requireCount, requireMembers, show } from '../http/options.js';
import type { HttpDispatcher } from '../http/undici.js';
import type { Sink } from '../sink.js';
import { templatePart } from './template/part.js';

export type { HttpDispatcher } from '../http/undici.js';

/** What {@link cloudSink} takes. */
export interface CloudSinkOptions {
  /** Name of the host, a port behind it if need be. Default: `flipt.cloud`. */
  readonly host?: string | undefined;
  /** The key, or a function that is asked for it before each request. */
  readonly apiKey: string | (() => string | Promise<string>);
  /** Requests side by side, at most 256; above 1 their order is lost. Default: 1. */
  readonly concurrency?: number | undefined;
  /**
   * A dispatcher of undici 7 or 8, for a custom CA or a proxy. It is used and not closed. Default: a pool
   * with as many connections as `concurrency`.
   */
  readonly dispatcher?: HttpDispatcher | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const SINK = 'cloudSink';
const MEMBERS = ['host', 'apiKey', 'concurrency', 'dispatcher', 'clock'] as const;
const MAX_CONCURRENCY = 256;

const BODY =
  '{"type": "{{ .Type }}", "action": "{{ .Action }}", "actor": {{ toJson .Metadata.Actor }}, "payload": {{ toJson .Payload }}}';

/**
 * Posts each event to Flipt Cloud, `https://<host>/api/audit/event`, in Flipt's own request. Needs the
 * package `undici`.
 *
 * @throws {AuditError} `invalid-option`, naming the option; without a key in Flipt's words.
 */
export function cloudSink(options: CloudSinkOptions): Sink {
  const { host, apiKey, concurrency, dispatcher, clock } = requireMembers(SINK, options, MEMBERS);
  return templatePart({
    sink: SINK,
    path: SINK,
    url: `https://${requireHost(host ?? 'flipt.cloud')}/api/audit/event`,
    body: BODY,
    headers: { authorization: bearer(apiKey) },
    concurrency: requireCount(`${SINK}.concurrency`, concurrency ?? 1, MAX_CONCURRENCY),
    dispatcher,
    clock,
  });
}

/** Nothing that would make another URL of it. */
function requireHost(host: unknown): string {
  if (typeof host === 'string' && /^[^\s/\\?#@]+$/.test(host)) return host;
  const shown =
    typeof host === 'string' && host.includes('@') ? 'one with credentials' : show(host);
  throw invalidOption(`${SINK}.host`, `must be the name of a host, not ${shown}`);
}

function bearer(apiKey: unknown): string | (() => Promise<string>) {
  if (apiKey === undefined || apiKey === null || apiKey === '') {
    throw new AuditError('invalid-option', 'cloud audit sink requires an api key');
  }
  if (typeof apiKey === 'function') return async () => `Bearer ${await apiKey()}`;
  if (isHeaderValue(apiKey)) return `Bearer ${apiKey}`;
  throw invalidOption(`${SINK}.apiKey`, 'must be a text that a header can carry, or a function');
}
