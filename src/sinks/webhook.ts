import { type Clock, systemClock } from '../clock.js';
import type { EventFields } from '../event/json.js';
import { createHttpClient } from '../http/client.js';
import { type HeaderValues, requireHeaders } from '../http/headers.js';
import { invalidOption, requireCount, requireMembers, requireWord } from '../http/options.js';
import type { HttpDispatcher } from '../http/undici.js';
import { requireUrl } from '../http/url.js';
import type { Sink } from '../sink.js';
import { sendBatch, sendSingly } from './webhook/sending.js';
import {
  requireFliptKey,
  requireStandardKeys,
  SIGNED,
  type SigningKeys,
  signMessage,
} from './webhook/signature.js';

export type { HeaderValue, HeaderValues } from '../http/headers.js';
export type { HttpDispatcher } from '../http/undici.js';
export {
  type VerifiedWebhook,
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookEvent,
  type WebhookFault,
  type WebhookHeaders,
  type WebhookRequest,
  WebhookVerificationError,
} from './webhook/verify.js';

/** What {@link webhookSink} takes. */
export interface WebhookSinkOptions {
  /** http or https. Credentials in it are sent as Basic authorization. */
  readonly url: string | URL;
  /**
   * Signs the body as Flipt does: `x-flipt-webhook-signature`, HMAC-SHA256 in lower-case hexadecimal.
   * It covers neither time nor id; `standardWebhooks` does. Default: no such header.
   */
  readonly signingSecret?: string | undefined;
  /**
   * Signs id, time and body by the Standard Webhooks specification, once with each secret, so that
   * secrets can be rotated. A secret is `whsec_` and the key in base64.
   *
   * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
   */
  readonly standardWebhooks?: { readonly secrets: readonly string[] } | undefined;
  /**
   * Headers of your own. A function is asked before each request, for tokens that expire: let it
   * remember what is costly. When it fails the events wait.
   */
  readonly headers?: HeaderValues | undefined;
  /**
   * `each` (default): a request an event, its body the event JSON, as Flipt sends it.
   * `batch`: a request a batch, its body a JSON array whose members carry their `id`.
   */
  readonly mode?: 'each' | 'batch' | undefined;
  /** Requests of one batch side by side, at most 256; above 1 their order is lost. Default: 1. */
  readonly concurrency?: number | undefined;
  /** `full` adds `id` and `trace` to the event JSON. Default: `flipt`. */
  readonly fields?: EventFields | undefined;
  /**
   * A dispatcher of undici 7 or 8, for a custom CA, a client certificate or a proxy. It is used and not
   * closed. Default: a pool with as many connections as `concurrency`.
   */
  readonly dispatcher?: HttpDispatcher | undefined;
  /** For tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const SINK = 'webhookSink';
const MEMBERS = [
  'url',
  'signingSecret',
  'standardWebhooks',
  'headers',
  'mode',
  'concurrency',
  'fields',
  'dispatcher',
  'clock',
] as const;

const MAX_CONCURRENCY = 256;

/**
 * Posts events to a URL, in Flipt's request and signature. Every request also carries `webhook-id`,
 * the event's id (of a batch a hash over its events' ids), the same through every retry, and
 * `webhook-timestamp`, the seconds since 1970. Needs the package `undici`.
 *
 * A status of 2xx means stored. 408, 425, 429, 5xx but 501 and connection errors are tried again; 400,
 * 409, 413, 415 and 422 are the event's fault; anything else, redirects and TLS faults included, is the
 * sink's, and its events wait.
 *
 * @throws {AuditError} `invalid-option`, naming the option.
 * @example
 * new SinkSpanExporter({
 *   sinks: {
 *     siem: webhookSink({
 *       url: 'https://siem.example/audit',
 *       standardWebhooks: { secrets: [webhookSecret] },
 *     }),
 *   },
 *   ledger: 'audit',
 * });
 */
export function webhookSink(options: WebhookSinkOptions): Sink {
  const given = requireMembers(SINK, options, MEMBERS);
  const url = requireUrl(`${SINK}.url`, given.url);
  const mode = requireWord(`${SINK}.mode`, given.mode ?? 'each', ['each', 'batch']);
  const fields = requireWord(`${SINK}.fields`, given.fields ?? 'flipt', ['flipt', 'full']);
  const concurrency = requireCount(`${SINK}.concurrency`, given.concurrency ?? 1, MAX_CONCURRENCY);
  if (mode === 'batch' && concurrency > 1) {
    throw invalidOption(`${SINK}.concurrency`, "is for mode 'each': a batch is one request");
  }
  const { clock = systemClock, signingSecret, standardWebhooks, dispatcher } = given;
  const keys: SigningKeys = {
    flipt:
      signingSecret === undefined ? [] : [requireFliptKey(`${SINK}.signingSecret`, signingSecret)],
    standard: requireStandardKeys(`${SINK}.standardWebhooks`, standardWebhooks),
  };
  const client = createHttpClient({
    sink: SINK,
    url,
    headers: requireHeaders(`${SINK}.headers`, given.headers, {
      defaults: { 'content-type': 'application/json' },
      reserved: SIGNED,
    }),
    connections: concurrency,
    dispatcher,
    secrets: [signingSecret, ...(standardWebhooks?.secrets ?? [])].filter(
      (one) => one !== undefined,
    ),
    clock,
  });
  const send = mode === 'each' ? sendSingly : sendBatch;
  return {
    sendAudits: (events, { signal }) =>
      client.during(signal, (post) =>
        send(events, { fields, concurrency }, (message) =>
          post({ body: message.body, headers: signMessage(message, keys, clock.now()) }),
        ),
      ),
    close: () => client.close(),
  };
}
