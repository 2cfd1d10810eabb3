import { messageOf } from '../../errors.js';
import type { AuditEvent } from '../../event/event.js';
import { jsonFault } from '../../event/texts.js';
import { SinkError } from '../../sink.js';
import type { ByteSink } from './byte-sink.js';
import type { KafkaProducer, KafkaRecord } from './producer.js';
import { toRecord } from './record.js';
import type { KafkaEncoding } from './schemas.js';

/** A batch as records, each with the index of its event, and what no record can be made of. */
export interface Encoded {
  readonly records: readonly KafkaRecord[];
  readonly indices: readonly number[];
  readonly refused: readonly number[];
  /** Of the first that was refused. */
  readonly error: SinkError | undefined;
}

/** Encodes every event into a sink; one that cannot be keeps no other from being sent. */
export function encodeEach(
  events: readonly AuditEvent[],
  keyOf: (event: AuditEvent) => unknown,
  encoding: KafkaEncoding,
  into: ByteSink,
  frame: Buffer | undefined,
): Encoded {
  const records: KafkaRecord[] = [];
  const indices: number[] = [];
  const refused: number[] = [];
  let error: SinkError | undefined;
  for (let index = 0; index < events.length; index += 1) {
    const event = events[index]!;
    try {
      records.push(toRecord(event, requireText(keyOf(event)), encoding, into, frame));
      indices.push(index);
    } catch (thrown) {
      refused.push(index);
      error ??= refusal(thrown, encoding);
    }
  }
  return { records, indices, refused, error };
}

function requireText(key: unknown): string {
  if (typeof key === 'string') return key;
  throw new RangeError('the key function did not return a string');
}

/** In our words, except where they are ours: a message from a `toJSON` of the user's may hold a secret. */
function refusal(thrown: unknown, encoding: KafkaEncoding): SinkError {
  const ours = thrown instanceof RangeError && OURS.test(thrown.message);
  const reason = ours ? thrown.message : jsonFault(thrown);
  return new SinkError('event', `the event cannot be written as ${encoding}: ${reason}`, {
    cause: thrown,
  });
}

const OURS = /^(?:its timestamp|the key function) /;

/** What is to be sent. */
export interface Sending {
  readonly topic: string;
  readonly encoded: Encoded;
  /** How many events there are. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/**
 * Sends part after part, for a broker takes about 1 MB for a partition at once. Ends with the signal even
 * where the producer does not.
 *
 * @throws {SinkError} whose `failed` names every event that was not stored.
 */
export async function sendInParts(producer: KafkaProducer, sending: Sending): Promise<void> {
  const { topic, encoded, signal } = sending;
  const { records, indices, refused, error } = encoded;
  for (let from = 0; from < records.length; ) {
    const to = endOfPart(records, from);
    const part = from === 0 && to === records.length ? records : records.slice(from, to);
    try {
      if (signal.aborted) throw signal.reason;
      await untilAborted(producer.send({ topic, records: part, signal }), signal);
    } catch (thrown) {
      const failed = notStored(thrown, from, to).concat(rest(to, records.length));
      throw failure(thrown, failed.map((at) => indices[at]!).concat(refused));
    }
    from = to;
  }
  if (error !== undefined) {
    throw new SinkError(error.fault, error.message, { cause: error.cause, failed: refused });
  }
}

/** Below the broker's `message.max.bytes`, 1,048,588, with room for what stands round the records. */
const MAX_PART_BYTES = 900_000;
const MAX_HEADER_BYTES = 40;

function endOfPart(records: readonly KafkaRecord[], from: number): number {
  let bytes = 0;
  for (let at = from; at < records.length; at += 1) {
    bytes += sizeOf(records[at]!);
    if (bytes > MAX_PART_BYTES && at > from) return at;
  }
  return records.length;
}

function sizeOf({ key, value, headers }: KafkaRecord): number {
  let bytes = value.length + 3 * key.length + MAX_HEADER_BYTES;
  for (const [name, text] of headers) bytes += name.length + 3 * text.length + 8;
  return bytes;
}

function notStored(thrown: unknown, from: number, to: number): number[] {
  const named = thrown instanceof SinkError ? thrown.failed : undefined;
  if (named === undefined) return rest(from, to);
  return named.filter((at) => at >= 0 && at < to - from).map((at) => at + from);
}

function rest(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function failure(thrown: unknown, failed: readonly number[]): SinkError {
  if (!(thrown instanceof SinkError)) {
    return new SinkError('transient', messageOf(thrown), { cause: thrown, failed });
  }
  const { fault, message, cause, retryAfterMs } = thrown;
  return new SinkError(fault, message, { cause, retryAfterMs, failed });
}

async function untilAborted(sent: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    await Promise.race([sent, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    sent.catch(() => {}); // what comes after the end
  }
}
