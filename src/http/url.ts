import { invalidOption, show } from './options.js';

/** Where requests go, the credentials taken out of it. */
export interface HttpUrl {
  /** Scheme, host and port: all that messages show, for a path or a query may be a secret too. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** The value of an Authorization header, from the URL's credentials. */
  readonly authorization?: string;
  /** What must not appear in a message. */
  readonly secrets: readonly string[];
}

/**
 * Checks a URL. Credentials in it become a Basic Authorization header (RFC 7617).
 *
 * @param path where the option stands, for messages: `webhookSink.url`
 * @throws {AuditError} `invalid-option`, showing no more of the URL than its host.
 */
export function requireUrl(path: string, value: unknown): HttpUrl {
  const url = parse(path, value);
  const { origin, pathname, search, username, password } = url;
  const where = `${pathname}${search}`;
  if (/[^\x21-\xff]/.test(where)) throw invalidOption(path, 'has a path that HTTP cannot carry');
  const secrets = [...secretsIn(url)];
  if (username === '' && password === '') return { origin, path: where, secrets };
  const pair = `${decode(path, username)}:${decode(path, password)}`;
  secrets.push(password, decode(path, password));
  return {
    origin,
    path: where,
    authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
    secrets,
  };
}

function parse(path: string, value: unknown): URL {
  const text = value instanceof URL ? value.href : value;
  if (typeof text !== 'string' || text === '') {
    throw invalidOption(path, `must be an http or https URL, not ${show(value)}`);
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalidOption(path, `must be an http or https URL, not ${show(hostOf(text))}`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const { protocol } = url; // what follows it may hold credentials
    throw invalidOption(path, `must be an http or https URL, not one that begins with ${protocol}`);
  }
  return url;
}

/** As much of a broken URL as may be shown: neither credentials nor path nor query. */
function hostOf(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  const rest = text.slice(scheme.length);
  const host = rest.slice(rest.lastIndexOf('@') + 1);
  const shown = /^[^/?#]*/.exec(host)![0];
  return `${scheme}${shown}${shown === host ? '' : '/…'}`;
}

function decode(path: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidOption(path, 'has credentials that are not percent-encoded as they should be');
  }
}

/** Tokens travel in queries (`?sig=…`) and, as with Slack's webhooks, in the path. */
function* secretsIn(url: URL): Iterable<string> {
  for (const [, value] of url.searchParams) yield value;
  for (const part of url.pathname.split('/')) if (part.length >= MIN_TOKEN_LENGTH) yield part;
}

const MIN_TOKEN_LENGTH = 20; // a word of an ordinary path is shorter
