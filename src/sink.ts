import { isInstance, isMarked, markAs } from './errors.js';
import type { AuditEvent } from './event/event.js';

/**
 * Where a sink keeps its {@link Sink parts}. An exporter gives each of them a lane of its own in place of
 * the whole, under the sink's name and the part's suffix, so that what one of them refuses is not sent to
 * the others again. Registered, for the package may be there in two copies.
 */
export const PARTS: unique symbol = Symbol.for('otel-audit.parts');

/**
 * Where audit events go. A sink makes one attempt; batching, retry, deadlines and dead letters are
 * the exporter's. Its name is its key in `sinks: { siem: webhookSink(…) }`.
 */
export interface Sink {
  /**
   * Stores the events, in order, as they are: other sinks may share their payload objects, so change
   * nothing in them. To print one use `eventToJson`, which keeps its recorded text. Resolved means stored at the far side; an event may come again with
   * the same id, for delivery is at least once. Never called while an earlier call is pending.
   *
   * @throws {SinkError} to say whose fault it is. Anything else counts as `transient`.
   */
  sendAudits(events: readonly AuditEvent[], context: SendContext): Promise<void>;
  /** Frees what the sink opened. May be called while a send is under way. */
  close?(): Promise<void>;
  /** The sinks that it consists of, where it is several at one name; a suffix may be empty. */
  readonly [PARTS]?: readonly (readonly [suffix: string, sink: Sink])[];
}

/** The lanes of a sink by their names: the sink itself at its own, or each of its parts. */
export function lanesOf(
  name: string,
  sink: Sink,
): readonly (readonly [lane: string, sink: Sink])[] {
  const parts = sink[PARTS] ?? [['', sink] as const];
  return parts.map(([suffix, part]) => [`${name}${suffix}`, part]);
}

/** What a sink is told about a batch. */
export interface SendContext {
  /** Aborted at the deadline. A listener of yours that throws ends the process, as for any signal. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt at this batch. */
  readonly attempt: number;
  /** Where each event stands in the ledger, parallel to the events; absent without a ledger. */
  readonly records?: readonly RecordInfo[];
}

/** The place of an event in the ledger. */
export interface RecordInfo {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 over the record's line without its LF, in lower-case hexadecimal. */
  readonly hash: string;
  readonly previousHash: string;
  /** The ledger's UUID. */
  readonly stream: string;
  /** When the ledger took it, RFC 3339. */
  readonly recordedAt: string;
}

/** Whose fault a failed send is. */
export type SinkFault =
  /** Try again later. */
  | 'transient'
  /** This event will never be accepted. */
  | 'event'
  /** The sink itself is wrong (credentials, address, closed endpoint): its lane waits. */
  | 'sink';

/** Details of a {@link SinkError}. */
export interface SinkErrorOptions extends ErrorOptions {
  /** How long the far side asks us to wait, in milliseconds; heeded up to an hour. */
  readonly retryAfterMs?: number | undefined;
  /** The indices of the events that were not stored; absent: none was. */
  readonly failed?: readonly number[] | undefined;
}

const SINK_ERROR = Symbol.for('otel-audit.SinkError');

/** Why a sink did not store a batch. The message must hold no secret. */
export class SinkError extends Error {
  readonly fault: SinkFault;
  readonly retryAfterMs?: number;
  readonly failed?: readonly number[];

  constructor(fault: SinkFault, message: string, options: SinkErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SinkError';
    this.fault = fault;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.failed !== undefined) this.failed = options.failed;
    markAs(this, SINK_ERROR);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A subclass of a user's is told apart the usual way.
    return this === SinkError ? isMarked(value, SINK_ERROR) : isInstance(this, value);
  }
}
