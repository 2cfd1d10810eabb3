import { CLOUD_KEY, KAFKA_SERVERS, KAFKA_TOPIC, webhookFault } from './checks.js';
import { fliptMilliseconds } from './duration.js';
import type { ConfigFault } from './fault.js';
import type { Loaded } from './load.js';
import { memberOf, type Tree } from './tree.js';

const CAPACITY = 'audit.buffer.capacity';
const FLUSH_PERIOD = 'audit.buffer.flush_period';
const ENCODING = 'audit.sinks.kafka.encoding';

/** A fault, and whether its message is one of Flipt's own. */
export interface FliptFault extends ConfigFault {
  readonly isFlipts: boolean;
}

/** The first thing that Flipt would complain of, in its words and its order. */
export function fliptFault(loaded: Loaded): FliptFault | undefined {
  const undecodable = undecodableIn(loaded);
  if (undecodable !== undefined) return { ...undecodable, isFlipts: false };
  const refused = refusedIn(loaded);
  return refused && { ...refused, isFlipts: true };
}

/** What it cannot even read comes first; limits and encodings are judged later. */
function undecodableIn({ tree, faults }: Loaded): ConfigFault | undefined {
  return faults.find(({ path }) => {
    if (path === CAPACITY) return numberAt(tree, 'capacity') === undefined;
    if (path === FLUSH_PERIOD) return durationAt(tree, 'flush_period') === undefined;
    return path !== ENCODING;
  });
}

function refusedIn({ settings, tree }: Loaded): ConfigFault | undefined {
  const { webhook, kafka, cloud } = settings.audit?.sinks ?? {};
  const capacity = numberAt(tree, 'capacity');
  const flushMs = durationAt(tree, 'flush_period');
  if (webhook?.enabled) {
    const message = webhookFault(webhook.url, webhook.templates);
    if (message !== undefined) return { path: 'audit.sinks.webhook', message };
  }
  if (kafka?.enabled) {
    if (!kafka.topic) return { path: 'audit.sinks.kafka.topic', message: KAFKA_TOPIC };
    if (!kafka.bootstrap_servers?.length) {
      return { path: 'audit.sinks.kafka.bootstrap_servers', message: KAFKA_SERVERS };
    }
  }
  if (capacity !== undefined && !(capacity >= 2 && capacity <= 10)) {
    return { path: CAPACITY, message: 'buffer capacity below 2 or above 10' };
  }
  if (flushMs !== undefined && !(flushMs >= 2 * MINUTE_MS && flushMs <= 5 * MINUTE_MS)) {
    const message = 'flush period below 2 minutes or greater than 5 minutes';
    return { path: FLUSH_PERIOD, message };
  }
  if (cloud?.enabled && !settings.cloud?.authentication?.api_key) {
    return { path: 'cloud.authentication.api_key', message: CLOUD_KEY };
  }
  const encoding = memberOf(memberOf(memberOf(auditOf(tree), 'sinks'), 'kafka'), 'encoding');
  if (kafka?.enabled && !ENCODINGS.includes(encoding)) {
    return {
      path: ENCODING,
      message: `unsupported encoding: ${typeof encoding === 'string' ? encoding.slice(0, 100) : 'no text'}`,
    };
  }
  return undefined;
}

const ENCODINGS: readonly unknown[] = ['protobuf', 'avro', '', undefined];
const MINUTE_MS = 60_000;

const auditOf = (tree: Tree): Tree | undefined => memberOf(tree, 'audit');

function bufferAt(tree: Tree, key: string): Tree | undefined {
  return memberOf(memberOf(auditOf(tree), 'buffer'), key);
}

function numberAt(tree: Tree, key: string): number | undefined {
  const given = bufferAt(tree, key);
  const read = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  return typeof read === 'number' && Number.isInteger(read) ? read : undefined;
}

function durationAt(tree: Tree, key: string): number | undefined {
  const given = bufferAt(tree, key);
  return typeof given === 'string' || typeof given === 'number'
    ? fliptMilliseconds(given)
    : undefined;
}
