import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../../clock.js';
import { isInstance, isMarked, markAs } from '../../errors.js';
import type { Actor, EventTrace } from '../../event/event.js';
import { invalidOption, requireMembers, show } from '../../http/options.js';
import {
  FLIPT_SIGNATURE,
  fliptHmac,
  requireFliptKey,
  requireStandardKeys,
  standardHmac,
  WEBHOOK_ID,
  WEBHOOK_SIGNATURE,
  WEBHOOK_TIMESTAMP,
} from './signature.js';

/** Headers of a request: Node's, those of `fetch`, or any object by name, whatever its case. */
export type WebhookHeaders =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | { get(name: string): string | null };

/** What arrived. All of it is the sender's, whoever that is. */
export interface WebhookRequest {
  readonly headers: WebhookHeaders;
  /** The body as it came, before anything parsed it. */
  readonly body: string | Uint8Array;
}

/** What {@link verifyWebhook} takes: the secrets that the sender may use. */
export interface VerifyWebhookOptions {
  /** Demands a Standard Webhooks signature, made with any of these secrets, within the window. */
  readonly standardWebhooks?: { readonly secrets: readonly string[] } | undefined;
  /**
   * Demands Flipt's signature, made with this secret or any of these. It covers the body alone, so a
   * recorded request can be sent again at any time: prefer `standardWebhooks`.
   */
  readonly signingSecret?: string | readonly string[] | undefined;
  /** How far the sender's time may be from ours, either way, in milliseconds. Default: 5 minutes. */
  readonly toleranceMs?: number | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** An event as it was sent. */
export interface WebhookEvent {
  readonly version: string;
  readonly type: string;
  readonly action: string;
  readonly metadata: { readonly actor?: Actor };
  readonly payload: unknown;
  readonly timestamp: string;
  readonly status: string;
  /** With `fields: 'full'`, and in a batch. */
  readonly id?: string;
  /** With `fields: 'full'`, where the event has one. */
  readonly trace?: EventTrace;
}

/** A request whose signature holds. */
export interface VerifiedWebhook {
  /** `webhook-id`, by which to tell what comes twice; only where a signature covers it. */
  readonly id?: string;
  /** `webhook-timestamp` in milliseconds since 1970; only where a signature covers it. */
  readonly timestampMs?: number;
  /** One, or those of a batch. */
  readonly events: readonly WebhookEvent[];
}

/** Why a request is not to be trusted. */
export type WebhookFault =
  /** A header that was demanded is missing, given twice or not of its form. */
  | 'invalid-header'
  /** No signature fits. */
  | 'wrong-signature'
  /** The signature holds and is older than the window. */
  | 'too-old'
  /** The signature holds and is of a time to come. */
  | 'too-new'
  /** The signature holds and the body is no event JSON. */
  | 'invalid-body';

const WEBHOOK_ERROR = Symbol.for('otel-audit.WebhookVerificationError');

/** Raised by {@link verifyWebhook}; its message may be shown to the sender. */
export class WebhookVerificationError extends Error {
  readonly fault: WebhookFault;

  constructor(fault: WebhookFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WebhookVerificationError';
    this.fault = fault;
    markAs(this, WEBHOOK_ERROR);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === WebhookVerificationError
      ? isMarked(value, WEBHOOK_ERROR)
      : isInstance(this, value);
  }
}

const VERIFY = 'verifyWebhook';
const DEFAULT_TOLERANCE_MS = 5 * 60 * 1000;

/**
 * For the receiving side: checks the signature of a request and returns its events. Of each kind of
 * secret that is given a signature must hold; comparing takes the same time wherever they differ.
 *
 * A request may come again, for delivery is at least once: remember ids for longer than the window.
 *
 * @throws {WebhookVerificationError} saying what is wrong: answer 400 or 401, and store nothing.
 * @throws {AuditError} `invalid-option`, without a secret.
 * @example
 * const { id, events } = verifyWebhook(
 *   { headers: request.headers, body: rawBody },
 *   { standardWebhooks: { secrets: [webhookSecret] } },
 * );
 */
export function verifyWebhook(
  request: WebhookRequest,
  options: VerifyWebhookOptions,
): VerifiedWebhook {
  const { standard, flipt, toleranceMs, clock } = resolve(options);
  const body = bytesOf(request.body);
  if (flipt.length > 0) verifyFlipt(request.headers, body, flipt);
  if (standard.length === 0) return { events: parseEvents(body) };
  const { id, timestampMs } = verifyStandard(request.headers, body, standard);
  const ageMs = clock.now() - timestampMs;
  if (ageMs > toleranceMs) {
    throw new WebhookVerificationError('too-old', `signed ${show(ageMs)} ms ago`);
  }
  if (-ageMs > toleranceMs) {
    throw new WebhookVerificationError('too-new', `signed ${show(-ageMs)} ms ahead of our clock`);
  }
  return { id, timestampMs, events: parseEvents(body) };
}

function resolve(options: VerifyWebhookOptions) {
  const given = requireMembers(VERIFY, options, [
    'standardWebhooks',
    'signingSecret',
    'toleranceMs',
    'clock',
  ]);
  const { signingSecret, toleranceMs = DEFAULT_TOLERANCE_MS, clock = systemClock } = given;
  const secrets =
    signingSecret === undefined || Array.isArray(signingSecret) ? signingSecret : [signingSecret];
  const standard = requireStandardKeys(`${VERIFY}.standardWebhooks`, given.standardWebhooks);
  const flipt = (secrets ?? []).map((one) => requireFliptKey(`${VERIFY}.signingSecret`, one));
  if (standard.length + flipt.length === 0) {
    throw invalidOption(VERIFY, 'needs a secret: standardWebhooks.secrets or signingSecret');
  }
  if (typeof toleranceMs !== 'number' || !(toleranceMs >= 0)) {
    throw invalidOption(
      `${VERIFY}.toleranceMs`,
      `must be a number from 0, not ${show(toleranceMs)}`,
    );
  }
  return { standard, flipt, toleranceMs, clock };
}

/** The very bytes that were signed: what was parsed and printed again is not the same. */
function bytesOf(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.length);
  throw invalidOption(
    `${VERIFY}: body`,
    `must be the body as it came, a string or bytes, not ${show(body)}: a parsed one cannot be verified`,
  );
}

function verifyFlipt(headers: WebhookHeaders, body: Buffer, keys: readonly KeyObject[]): void {
  const text = requireHeader(headers, FLIPT_SIGNATURE);
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw invalidHeader(FLIPT_SIGNATURE, 'is not 64 hexadecimal digits');
  }
  requireMatch(
    FLIPT_SIGNATURE,
    [Buffer.from(text, 'hex')],
    keys.map((key) => fliptHmac(key, body)),
  );
}

function verifyStandard(headers: WebhookHeaders, body: Buffer, keys: readonly KeyObject[]) {
  const id = requireHeader(headers, WEBHOOK_ID);
  const timestamp = requireHeader(headers, WEBHOOK_TIMESTAMP);
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw invalidHeader(WEBHOOK_TIMESTAMP, 'is no number of seconds since 1970');
  }
  const given = requireHeader(headers, WEBHOOK_SIGNATURE)
    .split(' ')
    // Other versions (`v1a` is asymmetric) may stand beside ours.
    .flatMap((one) => (one.startsWith('v1,') ? [Buffer.from(one.slice(3), 'base64')] : []));
  if (given.length === 0) throw invalidHeader(WEBHOOK_SIGNATURE, 'has no signature of version v1');
  requireMatch(
    WEBHOOK_SIGNATURE,
    given,
    keys.map((key) => standardHmac(key, id, timestamp, body)),
  );
  return { id, timestampMs: Number(timestamp) * 1000 };
}

/** Compares every one with every other, so that the time taken tells nothing. */
function requireMatch(header: string, given: readonly Buffer[], wanted: readonly Buffer[]): void {
  let matches = false;
  for (const one of given) {
    for (const other of wanted) {
      if (one.length === other.length && timingSafeEqual(one, other)) matches = true;
    }
  }
  if (matches) return;
  throw new WebhookVerificationError(
    'wrong-signature',
    `${header} does not fit: another secret, or another body than was signed`,
  );
}

function requireHeader(headers: WebhookHeaders, name: string): string {
  const value = headerOf(headers, name);
  if (typeof value === 'string' && value !== '') return value;
  if (Array.isArray(value) && value.length > 1) throw invalidHeader(name, 'is given twice');
  if (Array.isArray(value) && typeof value[0] === 'string') return value[0];
  throw invalidHeader(name, 'is missing');
}

function headerOf(headers: WebhookHeaders, name: string): unknown {
  if (typeof headers?.get === 'function') return headers.get(name);
  const values: unknown[] = [];
  for (const [key, value] of Object.entries(headers ?? {})) {
    if (key.toLowerCase() === name && value !== undefined) values.push(value);
  }
  return values.length > 1 ? values : values[0];
}

function invalidHeader(name: string, fault: string): WebhookVerificationError {
  return new WebhookVerificationError('invalid-header', `the header ${name} ${fault}`);
}

function parseEvents(body: Buffer): WebhookEvent[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new WebhookVerificationError('invalid-body', 'the body is not JSON', { cause: error });
  }
  const events: unknown[] = Array.isArray(value) ? value : [value];
  if (events.every(isEvent)) return events;
  throw new WebhookVerificationError('invalid-body', 'the body is neither an event nor several');
}

function isEvent(value: unknown): value is WebhookEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { type, action, timestamp, metadata } = value as Partial<WebhookEvent>;
  return (
    [type, action, timestamp].every((text) => typeof text === 'string') &&
    typeof metadata === 'object' &&
    metadata !== null
  );
}
