import type { AuditReceipt } from './receipt.js';

/** Every code that an {@link AuditError} can carry. */
export type AuditErrorCode =
  /** An option is missing, of the wrong type or out of range; nothing was started. */
  | 'invalid-option'
  /** An event lacks a field, or a field cannot be recorded; the message names the field. */
  | 'invalid-event'
  /** A span event carries audit attributes that do not make an event. */
  | 'malformed-event'
  /** An id that is already recorded came again with other content. */
  | 'conflict'
  /** An event is larger than `maxEventBytes`. */
  | 'event-too-large'
  /** A checker threw instead of deciding. */
  | 'checker-failed'
  /** The bound on events waiting in memory is reached. */
  | 'queue-full'
  /** The promise was not kept within `timeoutMs`. */
  | 'timeout'
  /** A sink did not store a batch. */
  | 'sink-failed'
  /** A sink refused an event for good; it is kept as a dead letter. */
  | 'dead-letter'
  /** The exporter is shut down. */
  | 'shutdown'
  /** The ledger's directory cannot be opened, written or synced. */
  | 'ledger-unavailable'
  /** The ledger's content contradicts itself. */
  | 'ledger-corrupt'
  /** Another live writer holds the ledger's lock. */
  | 'ledger-locked'
  /** A checkpoint could not be written or published; it is tried again. */
  | 'checkpoint-failed'
  /** A checkpoint is none, or is not signed by the key that it should be signed by. */
  | 'checkpoint-invalid';

/** Details of an {@link AuditError}. */
export interface AuditErrorOptions extends ErrorOptions {
  readonly receipts?: readonly (AuditReceipt | null | undefined)[] | undefined;
}

const AUDIT_ERROR = Symbol.for('otel-audit.AuditError');

/**
 * What the package raises: a message that says what was wrong, where, and what to do, and a code to
 * switch on. `instanceof` holds across the ESM and the CommonJS copy of the package.
 */
export class AuditError extends Error {
  readonly code: AuditErrorCode;
  /**
   * With `timeout` from `sendAudits`, and with `shutdown` while it waited for the sinks: the receipts of
   * the events that are durable all the same, each in its event's place, `null` for those that the
   * checker turned away, undefined for the others.
   */
  readonly receipts?: readonly (AuditReceipt | null | undefined)[];

  constructor(code: AuditErrorCode, message: string, options: AuditErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'AuditError';
    this.code = code;
    if (options.receipts !== undefined) this.receipts = options.receipts;
    markAs(this, AUDIT_ERROR);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A subclass of a user's is told apart the usual way.
    return this === AuditError ? isMarked(value, AUDIT_ERROR) : isInstance(this, value);
  }
}

/** Brands an object so that the other copy of this package recognises it. */
export function markAs(target: object, brand: symbol): void {
  Object.defineProperty(target, brand, { value: true });
}

export function isMarked(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, brand);
}

/** What `instanceof` does where no class says otherwise. */
export function isInstance(type: unknown, value: unknown): boolean {
  return Function.prototype[Symbol.hasInstance].call(type, value);
}

/** The text of anything that was thrown. Never throws: some things cannot even be shown. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something that cannot be shown';
  }
}

/** The same as an Error, whatever was thrown. Never throws. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // A proxy that throws when it is looked at.
  }
  return new Error(messageOf(thrown));
}
