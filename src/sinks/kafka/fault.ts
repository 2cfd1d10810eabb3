import { messageOf } from '../../errors.js';
import { faultOfError } from '../../http/outcome.js';
import type { SinkFault } from '../../sink.js';

/** What an error of the client may have; all of it is looked at, not trusted. */
interface Looked {
  readonly code?: unknown;
  /** The protocol's name of the fault: `MESSAGE_TOO_LARGE`. */
  readonly apiId?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly response?: unknown;
  /** False for what no second try within a moment mends. */
  readonly canRetry?: unknown;
}

/** The error and all that it consists of, the outermost first. */
export function errorsIn(error: unknown): Looked[] {
  const found: Looked[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < MAX_ERRORS) {
    const next = waiting.shift();
    if (typeof next !== 'object' || next === null || found.includes(next)) continue;
    const looked: Looked = next;
    found.push(looked);
    waiting.push(looked.cause);
    if (Array.isArray(looked.errors)) waiting.push(...looked.errors.slice(0, MAX_ERRORS));
  }
  return found;
}

const MAX_ERRORS = 256;

/** Whose fault it is. What the broker says for good outweighs what may pass. */
export function faultOf(errors: readonly Looked[]): SinkFault {
  const ids = errors.map(({ apiId }) => apiId);
  if (ids.some((id) => LASTING.has(id)) || errors.some(isLasting)) return 'sink';
  return ids.some((id) => OF_THE_EVENT.has(id)) ? 'event' : 'transient';
}

function isLasting({ code, message, cause }: Looked): boolean {
  if (code === 'PLT_KFK_AUTHENTICATION' || isUnknownTopic({ message })) return true;
  if (code === 'PLT_KFK_UNSUPPORTED_API') return true;
  const text = String(message);
  return /^TLS handshake failed/.test(text) || faultOfError({ code, message, cause }) === 'sink';
}

/** The client tells an unknown topic by its message alone. */
export function isUnknownTopic({ message }: Looked): boolean {
  return typeof message === 'string' && /^Unknown topic /.test(message);
}

/** Faults that waiting alone does not mend. https://kafka.apache.org/protocol#protocol_error_codes */
const LASTING: ReadonlySet<unknown> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'SECURITY_DISABLED',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'INVALID_REQUIRED_ACKS',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'POLICY_VIOLATION',
]);

const OF_THE_EVENT: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
]);

/** The innermost of what was said, in one line: outer errors only count the inner ones. */
export function textOf(errors: readonly Looked[]): string {
  const inner = errors.filter(({ cause, errors: parts }) => cause === undefined && !hasAny(parts));
  const texts = inner.map(({ apiId, message, code }) => {
    const text = messageOf({ toString: () => String(message ?? code) });
    if (typeof apiId === 'string') return `${apiId}: ${text}`;
    return text === 'Connection closed' ? CLOSED : text;
  });
  return [...new Set(texts)].slice(0, 3).join('; ');
}

const CLOSED = 'the connection was closed (does that listener want TLS, or a login?)';

function hasAny(parts: unknown): boolean {
  return Array.isArray(parts) && parts.length > 0;
}

/** The partitions of which a broker said that they are stored, whatever became of others. */
export function storedIn(answers: readonly Pick<Looked, 'response'>[]): Set<number> {
  const stored = new Set<number>();
  for (const { response } of answers) {
    for (const topic of listOf(response, 'responses')) {
      for (const { index, errorCode } of listOf(topic, 'partitionResponses')) {
        if (errorCode === 0) stored.add(Number(index));
      }
    }
  }
  return stored;
}

function listOf(value: unknown, key: string): Record<string, unknown>[] {
  const list = (value as Record<string, unknown> | null | undefined)?.[key];
  return Array.isArray(list) ? (list as Record<string, unknown>[]) : [];
}
