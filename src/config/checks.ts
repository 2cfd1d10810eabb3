import { Checker, type EventPairChecker, type Vocabulary } from '../checker.js';
import { defaultDelivery, resolveDelivery } from '../delivery/options.js';
import { messageOf } from '../errors.js';
import { commonDelivery, webhookDelivery } from './delivery.js';
import { addUnlessTold, type Faults } from './fault.js';
import type { Settings } from './schema.js';

/** The part of the settings that is ours. */
export type Audit = NonNullable<Settings['audit']>;

/**
 * What no field says by itself.
 *
 * @param isBroken whether there is a fault at or below a path: then what depends on it is not judged
 */
export function checkAcross(
  { audit = {}, cloud }: Settings,
  isBroken: (path: string) => boolean,
  faults: Faults,
): void {
  const refuse = (path: string, message: string) => faults.push({ path, message });
  const { webhook, kafka, cloud: cloudSink } = audit.sinks ?? {};
  if (webhook?.enabled) {
    const fault = webhookFault(webhook.url, webhook.templates);
    const known =
      !isBroken('audit.sinks.webhook.url') && !isBroken('audit.sinks.webhook.templates');
    if (fault !== undefined && known) refuse('audit.sinks.webhook', fault);
    if (!webhook.url && webhook.templates?.length) {
      for (const key of ['headers', 'mode', 'fields', 'standardWebhooks'] as const) {
        if (webhook[key]) refuse(`audit.sinks.webhook.${key}`, 'is for url, not for templates');
      }
    }
  }
  if (kafka?.enabled) {
    if (!kafka.topic && !isBroken('audit.sinks.kafka.topic')) {
      refuse('audit.sinks.kafka.topic', KAFKA_TOPIC);
    }
    const servers = 'audit.sinks.kafka.bootstrap_servers';
    if (!kafka.bootstrap_servers?.length && !isBroken(servers)) refuse(servers, KAFKA_SERVERS);
  }
  if (cloudSink?.enabled && !cloud?.authentication?.api_key && !isBroken('cloud')) {
    refuse('cloud.authentication.api_key', CLOUD_KEY);
  }
  checkTwins(audit, refuse);
  checkDelivery(audit, refuse);
  const { redact } = audit;
  if (redact?.mode === 'hmac' && !redact.key && !isBroken('audit.redact.key')) {
    refuse('audit.redact.key', 'must be there for mode hmac');
  }
}

// Flipt's texts.
export const KAFKA_TOPIC = 'kafka topic not provided';
export const KAFKA_SERVERS = 'kafka bootstrap_servers not provided';
export const CLOUD_KEY = 'cloud audit sink requires an api key';

/** In Flipt's words. */
export function webhookFault(
  url: string | undefined,
  templates: readonly unknown[] | undefined,
): string | undefined {
  if (!url && !templates?.length) return 'url or template(s) not provided';
  return url && templates?.length ? 'only one of url or template(s) allowed' : undefined;
}

type Refuse = (path: string, message: string) => void;

/** What can be said in Flipt's words and in ours must not be said twice. */
function checkTwins({ buffer, delivery, sinks }: Audit, refuse: Refuse): void {
  const say = (path: string, other: string) => refuse(path, `says the same as ${other}: keep one`);
  if (buffer?.capacity !== undefined && delivery?.maxBatch !== undefined) {
    say('audit.buffer.capacity', 'audit.delivery.maxBatch');
  }
  if (buffer?.flush_period !== undefined && delivery?.maxDelayMs !== undefined) {
    say('audit.buffer.flush_period', 'audit.delivery.maxDelayMs');
  }
  const { max_backoff_duration, delivery: ofWebhook } = sinks?.webhook ?? {};
  if (max_backoff_duration !== undefined && ofWebhook?.backoff?.maxMs !== undefined) {
    const other = 'audit.sinks.webhook.delivery.backoff.maxMs';
    say('audit.sinks.webhook.max_backoff_duration', other);
  }
}

/** Only the exporter knows how the members depend on each other; so it is asked, with any ledger. */
function checkDelivery(audit: Audit, refuse: Refuse): void {
  const resolve = (path: string, ...layers: readonly unknown[]) => {
    let settled = defaultDelivery(true);
    try {
      for (const layer of layers) settled = resolveDelivery(path, layer, settled);
      return true;
    } catch (error) {
      const [place, ...words] = messageOf(error).split(' ');
      refuse(place!, words.join(' '));
      return false;
    }
  };
  const common = commonDelivery(audit, false);
  if (!resolve('audit.delivery', common)) return;
  for (const name of ['log', 'webhook', 'kafka', 'cloud', 'otlp'] as const) {
    const own = name === 'webhook' ? webhookDelivery(audit) : audit.sinks?.[name]?.delivery;
    if (own !== undefined) resolve(`audit.sinks.${name}.delivery`, common, own);
  }
}

/**
 * The checker of a list of event pairs; undefined where every event passes: for no list, and for `*:*`
 * while no vocabulary says what the words are.
 *
 * @param strict whether Flipt's vocabulary counts where there is none, as in Flipt
 */
export function checkerOf(
  path: string,
  events: readonly string[] | undefined,
  { vocabulary }: Audit,
  strict: boolean,
  faults: Faults,
): EventPairChecker | undefined {
  const pairs = events ?? ['*:*'];
  const isOpen = !strict && vocabulary === undefined;
  if (isOpen && pairs.length === 1 && pairs[0] === '*:*') return undefined;
  try {
    return new Checker(pairs, {
      nouns: wordsOf(vocabulary?.nouns),
      verbs: wordsOf(vocabulary?.verbs),
    });
  } catch (error) {
    const { cause } = error as Error;
    const hint = typeof cause === 'string' && !strict ? ` (${hintOf(cause)})` : '';
    addUnlessTold(faults, { path, message: `${strict ? '' : 'says '}${messageOf(error)}${hint}` });
    return undefined;
  }
}

const hintOf = (cause: string): string =>
  cause.replace(/the option (\w+) sets others$/, 'audit.vocabulary.$1 sets others');

function wordsOf(words: readonly string[] | undefined): Vocabulary | undefined {
  return words?.length === 1 && words[0] === 'any' ? 'any' : words;
}
