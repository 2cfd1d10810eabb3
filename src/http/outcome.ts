import { STATUS_CODES } from 'node:http';
import { messageOf } from '../errors.js';
import type { SinkFault } from '../sink.js';

/** Whose fault it is that a status is not 2xx. */
export function faultOfStatus(status: number): SinkFault {
  if (TRANSIENT.has(status) || (status >= 500 && status !== 501)) return 'transient';
  // Anything unknown counts as the sink's fault, so that it turns no event into a dead letter.
  return EVENT.has(status) ? 'event' : 'sink';
}

/** Request Timeout, Too Early, Too Many Requests. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** Bad Request, Conflict, Content Too Large, Unsupported Media Type, Unprocessable Content. */
const EVENT: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** The status in words: `410 Gone, the receiver is gone`. */
export function describeStatus(status: number): string {
  const name = STATUS_CODES[status];
  const remark = status >= 300 && status < 400 ? 'redirects are not followed' : REMARKS[status];
  return `${status}${name === undefined ? '' : ` ${name}`}${remark === undefined ? '' : `, ${remark}`}`;
}

const REMARKS: Readonly<Record<number, string>> = {
  410: 'the receiver is gone',
};

/** Whose fault an error of the connection is: TLS is a matter of configuration, the rest passes. */
export function faultOfError(error: unknown): SinkFault {
  for (let at = look(error), depth = 0; depth < MAX_DEPTH; at = look(at.cause), depth += 1) {
    const { code } = at;
    if (typeof code !== 'string' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT') continue;
    if (TLS.test(code) || LASTING.has(code)) return 'sink';
  }
  return 'transient';
}

const MAX_DEPTH = 8; // causes may go in a circle

/** What an error may have; `instanceof` fails for Node's own errors within a `vm` context, as in Jest. */
interface Looked {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

function look(error: unknown): Looked {
  return typeof error === 'object' && error !== null ? error : {};
}

/** Node's codes, OpenSSL's codes of verification, and how OpenSSL's alerts reach Node. */
const TLS =
  /^(?:ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|ERROR_IN_C|UND_ERR_PRX_TLS$)/;

/** A request that undici refuses to make, a dispatcher that its owner closed. */
const LASTING: ReadonlySet<string> = new Set([
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
]);

/** The text of a connection's error; Node gathers the faults of several addresses and says nothing. */
export function textOfError(error: unknown): string {
  const { errors, message, code } = look(error);
  if (Array.isArray(errors) && errors.length > 0) return errors.map(messageOf).join('; ');
  return typeof code === 'string' && !message ? code : messageOf(error);
}

/**
 * How long the far side asks us to wait, by its Retry-After header (RFC 9110, section 10.2.3): seconds
 * or a date, at most an hour. Undefined for none, one that is past, and one that cannot be read.
 */
export function parseRetryAfter(
  value: string | readonly string[] | undefined,
  now: number,
): number | undefined {
  const text = (typeof value === 'string' ? value : value?.[0])?.trim();
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : dateOf(text) - now;
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}

const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;

/** An HTTP date, of which there are three forms; all of them mean GMT. */
function dateOf(text: string): number {
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return Number.NaN;
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
