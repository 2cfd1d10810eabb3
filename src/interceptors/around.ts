import { AuditError, messageOf } from '../errors.js';
import { type AuditEventInit, nameFault } from '../event/event.js';
import { errorName, isDenial, type Outcome } from './outcome.js';
import {
  checkRecordOptions,
  isWanted,
  type RecordOptions,
  recordAudits,
  tellFault,
} from './record.js';

/** What {@link withAudit} records of a function that resolves with, or returns, a `Result`. */
export interface AuditedCall<Result = unknown> extends RecordOptions {
  /** The noun: `invoice`. */
  readonly type: string;
  /** The verb: `refunded`. */
  readonly action: string;
  /** Default: the actor of the innermost `auditActor`. */
  readonly actor?: AuditEventInit['actor'];
  /**
   * What it was done to, recorded whatever the outcome; or a function that makes it of the result, called
   * after a success alone, and not async.
   */
  readonly payload?:
    | ((result: Result) => unknown)
    | object
    | string
    | number
    | boolean
    | null
    | undefined;
  /**
   * Whether what the function threw means `denied`; otherwise it is `failed`. Default: HTTP status 401
   * and 403, gRPC codes 7 and 16, and names such as `ForbiddenError`.
   */
  readonly isDenied?: ((thrown: unknown) => boolean) | undefined;
}

/**
 * Runs a function and records one event of it: `success`, or, where it throws or rejects, `denied` or
 * `failed` with the error's name as `error` in the payload. What it returns or throws is passed on. A
 * promise is recorded when it settles; a stream or a generator once it is returned.
 *
 * The event goes onto the span that was active at the call; without one that records, to `sender`. With
 * `durable` the promise settles only after the event is in the ledger, and rejects if that is not to be
 * had; the function has run all the same.
 *
 * @throws {AuditError} `invalid-option`, before the function is run; with `durable` what `sendAudits`
 * rejects with, its `cause` being what the function threw, if it did
 * @example
 * const invoice = await withAudit(
 *   { type: 'invoice', action: 'refunded', payload: (refund) => ({ id: refund.invoice }) },
 *   () => refund(id),
 * );
 */
export function withAudit<Result>(
  call: AuditedCall<Result> & { readonly durable: true },
  fn: () => Result | PromiseLike<Result>,
): Promise<Result>;
export function withAudit<Result>(
  call: AuditedCall<Result>,
  fn: () => PromiseLike<Result>,
): Promise<Result>;
export function withAudit<Result>(
  call: AuditedCall<Result> & { readonly durable?: false | undefined },
  fn: () => Result,
): Result;
export function withAudit<Result>(
  call: AuditedCall<Result>,
  fn: () => Result | PromiseLike<Result>,
): Result | Promise<Result> {
  requireCall(call, fn);
  if (call.durable === true) return runDurably({ ...call, durable: true }, fn);
  let result: Result | PromiseLike<Result>;
  try {
    result = fn();
  } catch (error) {
    record(call, failureOf(call, error));
    throw error;
  }
  if (isPromiseLike(result)) return whenSettled(call, result);
  record(call, successOf(call, result));
  return result;
}

function whenSettled<Result>(
  call: AuditedCall<Result>,
  promise: PromiseLike<Result>,
): Promise<Result> {
  // Nobody else gets to see this promise: some queries run again each time that `then` is called.
  return Promise.resolve(promise).then(
    (result) => {
      record(call, successOf(call, result));
      return result;
    },
    (error) => {
      record(call, failureOf(call, error));
      throw error;
    },
  );
}

async function runDurably<Result>(
  call: AuditedCall<Result> & { readonly durable: true },
  fn: () => Result | PromiseLike<Result>,
): Promise<Result> {
  let result: Result;
  try {
    result = await fn();
  } catch (error) {
    await recordFailure(call, error);
    throw error;
  }
  await recordAudits(() => wantedOf(call, successOf(call, result)), call);
  return result;
}

async function recordFailure(
  call: AuditedCall & { readonly durable: true },
  cause: unknown,
): Promise<void> {
  try {
    await recordAudits(() => wantedOf(call, failureOf(call, cause)), call);
  } catch (fault) {
    const code = fault instanceof AuditError ? fault.code : 'ledger-unavailable';
    throw new AuditError(code, `what failed could not be audited: ${messageOf(fault)}`, { cause });
  }
}

type Ending = () => Pick<AuditEventInit, 'status' | 'payload'>;

function record(call: AuditedCall<never>, ending: Ending): void {
  recordAudits(() => wantedOf(call, ending), call);
}

/** Nothing is made of what the checker turns away, its payload neither. */
function wantedOf(call: AuditedCall<never>, ending: Ending): AuditEventInit | undefined {
  const { type, action, actor } = call;
  return isWanted(type, action, call) ? { type, action, actor, ...ending() } : undefined;
}

function successOf<Result>(call: AuditedCall<Result>, result: Result): Ending {
  return () => {
    const status: Outcome = 'success';
    const { payload } = call;
    if (typeof payload !== 'function') return { status, payload };
    try {
      const made = (payload as (result: Result) => unknown)(result);
      if (isPromiseLike(made)) throw new TypeError('payload must not be a promise');
      return { status, payload: made };
    } catch (error) {
      if (call.durable === true) throw error;
      tellFault('the payload of an audited function is left out', error);
      return { status };
    }
  };
}

function failureOf(call: AuditedCall<never>, thrown: unknown): Ending {
  return () => {
    const status: Outcome = judge(call, thrown);
    const error = errorName(thrown);
    const { payload } = call;
    if (payload === undefined || payload === null || typeof payload === 'function') {
      return { status, payload: { error } };
    }
    const isRecord = typeof payload === 'object' && !Array.isArray(payload);
    return { status, payload: isRecord ? { ...payload, error } : { payload, error } };
  };
}

function judge({ isDenied = isDenial }: AuditedCall<never>, thrown: unknown): Outcome {
  try {
    return isDenied(thrown) === true ? 'denied' : 'failed';
  } catch (error) {
    tellFault('isDenied of an audited function failed', error);
    return 'failed';
  }
}

function requireCall(call: AuditedCall<never>, fn: unknown): void {
  const refuse = (fault: string) => new AuditError('invalid-option', `withAudit: ${fault}`);
  if (typeof call !== 'object' || call === null) throw refuse('takes { type, action }, a function');
  if (typeof fn !== 'function') throw refuse('fn must be a function');
  for (const key of Object.keys(call)) {
    if (!MEMBERS.has(key)) throw refuse(`has no option ${JSON.stringify(key)}`); // a misspelt durable, say
  }
  if (call.isDenied !== undefined && typeof call.isDenied !== 'function') {
    throw refuse('isDenied must be a function');
  }
  checkRecordOptions('withAudit', call);
  if (call.durable !== true) return; // an event that cannot be made must not keep it from running
  for (const name of ['type', 'action'] as const) {
    const text: unknown = call[name];
    const fault = typeof text === 'string' ? nameFault(text) : 'must be a text';
    if (fault !== undefined) throw refuse(`${name} ${fault}`);
  }
}

const MEMBERS: ReadonlySet<string> = new Set<keyof AuditedCall>([
  'type',
  'action',
  'actor',
  'payload',
  'isDenied',
  'checker',
  'sender',
  'durable',
  'timeoutMs',
]);

function isPromiseLike<Result>(value: Result | PromiseLike<Result>): value is PromiseLike<Result> {
  const kind = typeof value;
  if (value === null || (kind !== 'object' && kind !== 'function')) return false;
  return typeof (value as Partial<PromiseLike<Result>>).then === 'function';
}
