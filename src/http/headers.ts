import { SinkError } from '../sink.js';
import { invalidOption, show } from './options.js';

/** The value of a header, or what makes it before each request: a token that expires. */
export type HeaderValue = string | (() => string | Promise<string>);

/** Headers by name. */
export type HeaderValues = Readonly<Record<string, HeaderValue>>;

/** Checked headers; names in lower case. */
export interface HeaderSet {
  readonly fixed: readonly HeaderPair[];
  readonly made: readonly (readonly [name: string, make: () => string | Promise<string>])[];
}

export type HeaderPair = readonly [name: string, value: string];

/** What {@link requireHeaders} takes beside the option. */
export interface HeaderRules {
  /** Sent unless the option says otherwise; names in lower case. */
  readonly defaults?: Readonly<Record<string, string>> | undefined;
  /** Names that the sink sets by itself, in lower case. */
  readonly reserved?: readonly string[] | undefined;
}

/**
 * Checks headers as RFC 9110 has them.
 *
 * @param path where the option stands, for messages: `webhookSink.headers`
 * @throws {AuditError} `invalid-option`, naming the header and never its value.
 */
export function requireHeaders(path: string, headers: unknown, rules: HeaderRules = {}): HeaderSet {
  if (
    headers !== undefined &&
    (typeof headers !== 'object' || headers === null || Array.isArray(headers))
  ) {
    throw invalidOption(path, `must be an object, header by name, not ${show(headers)}`);
  }
  const fixed = new Map(Object.entries({ ...DEFAULTS, ...rules.defaults }));
  const made = new Map<string, () => string | Promise<string>>();
  const seen = new Set<string>();
  for (const [given, value] of Object.entries(headers ?? {}) as [string, unknown][]) {
    const name = given.toLowerCase();
    requireName(path, given, name, rules.reserved ?? []);
    if (seen.has(name)) throw invalidOption(path, `has ${show(name)} twice`);
    seen.add(name);
    fixed.delete(name);
    if (typeof value === 'function') made.set(name, value as () => string);
    else if (isHeaderValue(value)) fixed.set(name, value);
    else throw invalidOption(`${path}[${show(given)}]`, FAULT);
  }
  return { fixed: [...fixed], made: [...made] };
}

const DEFAULTS = { 'user-agent': 'otel-audit' }; // some gateways refuse requests that have none

const FAULT =
  'must be a string of visible Latin-1 characters, spaces and tabs, or a function that returns one';

/** Whether HTTP can carry it and undici accepts it. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && !/[^\t\x20-\x7e\x80-\xff]/.test(value);
}

function requireName(path: string, given: string, name: string, reserved: readonly string[]): void {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) {
    // `Authorization:s3cret` with its blank forgotten is one name in YAML, and a secret.
    const shown = show(`${/^[\w-]*/.exec(given)![0]}…`);
    throw invalidOption(path, `has ${shown}, which is no name of a header`);
  }
  if (CONNECTION.has(name)) {
    throw invalidOption(path, `has ${show(given)}, which belongs to the connection`);
  }
  if (reserved.includes(name)) {
    throw invalidOption(path, `has ${show(given)}, which the sink sets itself`);
  }
}

/** A wrong one of these breaks the framing, or makes undici refuse every request. */
const CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Asks the functions among the headers for their values.
 *
 * @throws {SinkError} `transient`: the next token may be there. What a function threw is its cause alone,
 *   for the message may hold a secret.
 */
export function makeHeaders(sink: string, made: HeaderSet['made']): Promise<HeaderPair[]> {
  const failure = (name: string, what: string, cause?: unknown) => {
    const message = `${sink}: the function that makes the header ${name} ${what}`;
    return new SinkError('transient', message, { cause });
  };
  return Promise.all(
    made.map(async ([name, make]): Promise<HeaderPair> => {
      let value: unknown;
      try {
        value = await make();
      } catch (error) {
        throw failure(name, 'failed', error);
      }
      if (isHeaderValue(value)) return [name, value];
      throw failure(name, 'returned what no header can carry');
    }),
  );
}

/** What of the headers must not appear in a message: every value that may be a credential. */
export function secretsOf(pairs: readonly HeaderPair[]): string[] {
  return pairs.flatMap(([name, value]) => {
    if (OPEN.has(name)) return [];
    const token = value.slice(value.indexOf(' ') + 1); // without `Bearer`
    if (!/^basic /i.test(value)) return [value, token];
    const pair = Buffer.from(token, 'base64').toString();
    return [value, token, pair, pair.slice(pair.indexOf(':') + 1)];
  });
}

const OPEN: ReadonlySet<string> = new Set([
  'accept',
  'content-encoding',
  'content-type',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
]);
