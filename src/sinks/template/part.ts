import type { Clock } from '../../clock.js';
import type { AuditEvent } from '../../event/event.js';
import { createHttpClient, type HttpClient } from '../../http/client.js';
import { combineErrors, sendEach, toSinkError } from '../../http/each.js';
import { requireHeaders } from '../../http/headers.js';
import { invalidOption, show } from '../../http/options.js';
import type { HttpDispatcher } from '../../http/undici.js';
import { requireUrl } from '../../http/url.js';
import { PARTS, type Sink, SinkError } from '../../sink.js';
import { type BodyTemplate, parseBody } from './body.js';
import { RenderError, TemplateSyntaxError } from './fault.js';

/** What {@link templatePart} takes: one template, not yet checked. */
export interface PartOptions {
  /** The factory, for messages. */
  readonly sink: string;
  /** Where the template stands among the options, for messages. */
  readonly path: string;
  readonly url: unknown;
  readonly body: unknown;
  readonly headers?: unknown;
  readonly concurrency: number;
  readonly dispatcher?: HttpDispatcher | undefined;
  readonly clock?: Clock | undefined;
}

/** A sink of one template. */
export type OneTemplateSink = Required<Pick<Sink, 'sendAudits' | 'close'>>;

/** One of several, and what its lane's name has behind the sink's. */
export interface Part {
  readonly suffix: string;
  readonly sink: OneTemplateSink;
}

/**
 * Makes a sink of one template.
 *
 * @throws {AuditError} `invalid-option`
 */
export function templatePart(options: PartOptions): OneTemplateSink {
  const { sink, path, concurrency, dispatcher, clock } = options;
  const url = requireUrl(`${path}.url`, options.url);
  const body = requireBody(`${path}.body`, options.body);
  const client = createHttpClient({
    sink,
    url,
    headers: requireHeaders(`${path}.headers`, options.headers, {
      defaults: { 'content-type': 'application/json' },
    }),
    connections: concurrency,
    dispatcher,
    clock,
  });
  return {
    sendAudits: (events, { signal }) =>
      sendEach(events, concurrency, (event) => post(event, body, client, signal)),
    close: () => client.close(),
  };
}

async function post(
  event: AuditEvent,
  body: BodyTemplate,
  client: HttpClient,
  signal: AbortSignal,
): Promise<void> {
  await client.send({ body: render(event, body) }, signal);
}

function render(event: AuditEvent, body: BodyTemplate): string {
  try {
    return body.render(event);
  } catch (cause) {
    const reason =
      cause instanceof RenderError ? cause.message : 'the event cannot be written as JSON';
    throw new SinkError('event', reason, { cause });
  }
}

function requireBody(path: string, body: unknown): BodyTemplate {
  if (typeof body !== 'string') {
    throw invalidOption(path, `must be the text of a template, not ${show(body)}`);
  }
  try {
    return parseBody(body);
  } catch (error) {
    if (error instanceof TemplateSyntaxError) throw invalidOption(path, error.message);
    throw error;
  }
}

/**
 * One sink for several. An exporter takes it apart again; by itself it sends to each in turn, whatever
 * becomes of the one before, and what one of them did not store counts as not stored.
 */
export function gatherParts(parts: readonly Part[]): Sink {
  const [only] = parts;
  if (only?.suffix === '' && parts.length === 1) return only.sink;
  return {
    [PARTS]: parts.map(({ suffix, sink }) => [suffix, sink] as const),
    async sendAudits(events, context) {
      const failed = new Set<number>();
      const errors: SinkError[] = [];
      for (const [index, { sink: part }] of parts.entries()) {
        try {
          await part.sendAudits(events, context);
        } catch (thrown) {
          const error = toSinkError(thrown);
          errors.push(numbered(error, index));
          for (const missing of error.failed ?? events.keys()) failed.add(missing);
        }
      }
      if (errors.length === 0) return;
      throw combineErrors(errors, [...failed].sort(ascending), events.length);
    },
    async close() {
      await Promise.all(parts.map(({ sink }) => sink.close()));
    },
  };
}

function numbered(error: SinkError, index: number): SinkError {
  const { retryAfterMs, failed } = error;
  return new SinkError(error.fault, `templates[${index}]: ${error.message}`, {
    cause: error,
    retryAfterMs,
    failed,
  });
}

function ascending(a: number, b: number): number {
  return a - b;
}
