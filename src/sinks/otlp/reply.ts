import type { HttpReply } from '../../http/exchange.js';
import type { LogsSerializer } from './serializer.js';

/** What a 2xx says of the batch. Both texts are the far side's, to be quoted with care. */
export interface ReplyVerdict {
  /** Why the batch does not count as stored. */
  readonly fault?: string;
  /** What the receiver remarks on a batch that is stored. */
  readonly remark?: string;
}

/**
 * Reads an ExportLogsServiceResponse. Its bytes are the far side's: one that claims to be OTLP and cannot
 * be read may have said that records were rejected, so the batch does not count as stored.
 */
export function readReply(
  { status, headers, body, truncated }: HttpReply,
  protobuf: LogsSerializer,
): ReplyVerdict {
  if (status === MULTI_STATUS) return { fault: 'answered 207 Multi-Status, no success of all' };
  const type = mediaTypeOf(headers['content-type']);
  const json = type === 'application/json';
  if (body.length === 0 || !(json || type === 'application/x-protobuf')) return STORED;
  const unreadable = { fault: `answered ${status} with a body that cannot be read` };
  if (truncated) return unreadable;
  try {
    return verdictOf(json ? JSON.parse(body.toString()) : protobuf.deserializeResponse(body));
  } catch {
    return unreadable;
  }
}

const MULTI_STATUS = 207;
const STORED: ReplyVerdict = {};

function mediaTypeOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header.split(';')[0]!.trim().toLowerCase() : '';
}

function verdictOf(response: unknown): ReplyVerdict {
  const partial = memberOf(response, 'partialSuccess');
  const count = memberOf(partial, 'rejectedLogRecords') ?? 0;
  const message = String(memberOf(partial, 'errorMessage') ?? '');
  // In JSON the count is a text, for it has 64 bits.
  if (Number(count) === 0) return message === '' ? STORED : { remark: `remarks: ${message}` };
  return { fault: `rejected ${String(count)} of the records: ${message}` };
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
