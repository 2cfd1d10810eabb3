import type { Clock } from '../clock.js';
import type { HeaderValues } from '../http/headers.js';
import { invalidOption, requireCount, requireMembers, show } from '../http/options.js';
import type { HttpDispatcher } from '../http/undici.js';
import type { Sink } from '../sink.js';
import { gatherParts, templatePart } from './template/part.js';

export type { HeaderValue, HeaderValues } from '../http/headers.js';
export type { HttpDispatcher } from '../http/undici.js';

/** One request of {@link templateSink}. */
export interface RequestTemplate {
  /**
   * Lower-case letters, digits and hyphens, a letter first. The ledger then keeps this request's place at
   * `<sink>-<name>`, wherever in the list it stands. Default: its place counts, see {@link templateSink}.
   */
  readonly name?: string | undefined;
  /** http or https. Credentials in it are sent as Basic authorization. */
  readonly url: string | URL;
  /**
   * The body, in the language of Go's text/template, over the event: `.Version`, `.Type`, `.Action`,
   * `.Status`, `.Timestamp`, `.Payload` and `.Metadata.Actor` with `.Authentication`, `.IP`, `.Email`,
   * `.Name` and `.Picture`. What it makes must be JSON.
   *
   * @see https://pkg.go.dev/text/template
   */
  readonly body: string;
  /**
   * Headers of your own; `content-type` is `application/json` unless it is one of them. A function is
   * asked before each request, for tokens that expire.
   */
  readonly headers?: HeaderValues | undefined;
}

/** What {@link templateSink} takes. */
export interface TemplateSinkOptions {
  /**
   * Every event is sent to each of them, and each has its own lane, retries and dead letters. Name them
   * where the list may change.
   */
  readonly templates: readonly RequestTemplate[];
  /** Requests to one URL side by side, at most 256; above 1 their order is lost. Default: 1. */
  readonly concurrency?: number | undefined;
  /**
   * A dispatcher of undici 7 or 8, for a custom CA, a client certificate or a proxy. It is used and not
   * closed. Default: a pool with as many connections as `concurrency`.
   */
  readonly dispatcher?: HttpDispatcher | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const SINK = 'templateSink';
const MEMBERS = ['templates', 'concurrency', 'dispatcher', 'clock'] as const;
const REQUEST_MEMBERS = ['name', 'url', 'body', 'headers'] as const;
/** It becomes part of a file's name. Digits alone would be a place in the list. */
const NAME = /^[a-z][a-z0-9-]*$/;
const MAX_CONCURRENCY = 256;

/**
 * Posts each event with a body of your own making, as Flipt's webhook templates do; its templates run
 * unchanged. Inside a JSON string quotes, backslashes and control characters of a value are escaped, and
 * outside of one a value is one value, so that no event breaks or forges the body: write `toJson` there.
 * An event whose body is no JSON is the event's fault: `invalid JSON: …`. Needs the package `undici`.
 *
 * Several templates are several sinks to an exporter, so that one which fails does not make another send
 * again: the first at this sink's name, the others at `<sink>-2`, `<sink>-3`, …, and one that has a name
 * at `<sink>-<name>`. Without names, putting the list into another order while one of them is behind makes
 * them go on from each other's places: what was not delivered yet is then sent to the wrong one.
 *
 * @throws {AuditError} `invalid-option`, naming the option, and the place in a template.
 * @example
 * templateSink({
 *   templates: [
 *     {
 *       url: 'https://hooks.example/audit',
 *       body: '{"event": "{{ .Type }} {{ .Action }}", "flag": {{ toJson .Payload }}}',
 *     },
 *   ],
 * });
 */
export function templateSink(options: TemplateSinkOptions): Sink {
  const { templates, concurrency, dispatcher, clock } = requireMembers(SINK, options, MEMBERS);
  if (!Array.isArray(templates) || templates.length === 0) {
    throw invalidOption(
      `${SINK}.templates`,
      `must be a list of at least one { url, body, headers? }, not ${show(templates)}`,
    );
  }
  const common = {
    sink: SINK,
    concurrency: requireCount(`${SINK}.concurrency`, concurrency ?? 1, MAX_CONCURRENCY),
    dispatcher,
    clock,
  };
  const names = new Set<string>();
  return gatherParts(
    (templates as readonly RequestTemplate[]).map((template, index) => {
      const path = `${SINK}.templates[${index}]`;
      const { name, ...request } = requireMembers(path, template, REQUEST_MEMBERS);
      if (name !== undefined) requireName(`${path}.name`, name, names);
      const place = index === 0 ? '' : `-${index + 1}`;
      return {
        suffix: name === undefined ? place : `-${name}`,
        sink: templatePart({ ...common, path, ...request }),
      };
    }),
  );
}

function requireName(path: string, name: unknown, taken: Set<string>): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalidOption(
      path,
      `must be lower-case letters, digits and hyphens, a letter first, not ${show(name)}`,
    );
  }
  if (taken.has(name)) throw invalidOption(path, `is ${show(name)}, as another one's`);
  taken.add(name);
}
