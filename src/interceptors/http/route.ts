import type { AuditEventInit } from '../../event/event.js';
import { invalidOption, requireMembers, requireWord } from '../../http/options.js';
import {
  type AuditRequest,
  type AuditRequests,
  isList,
  readAuditRequests,
  refusePromise,
} from '../audit-request.js';
import { errorName } from '../outcome.js';
import { type RecordOptions, tellFault } from '../record.js';
import { pick } from './body.js';
import type { HttpCall } from './call.js';

/** An event that a route's function asks for; a text is its `event` alone. */
export type HttpAudit = AuditRequest;

/** What to record of the calls of a route. */
export interface HttpAuditRoute<Call extends HttpCall = HttpCall> {
  /**
   * Noun and verb, as `flag:create`, or several. The verbs `create`, `update` and `delete` become
   * `created`, `updated` and `deleted`; others stay. Or a function that is called at the end of a call
   * that succeeded, was denied or, with `failures`, failed, and returns one, several or none.
   */
  readonly event: AuditRequests<Call>;
  /** The body to keep for `payload`, as `call.body`. Default: the request's for a list, else none. */
  readonly body?: 'request' | 'response' | undefined;
  /**
   * What it was done to. A list picks members of the body; a function makes it. Only for a success: what
   * was denied has none, and what failed `{ status, error }`. Default: none.
   */
  readonly payload?: readonly string[] | ((call: Call) => unknown) | undefined;
}

/** A route in short: its `event`, or all of it. */
export type HttpRoute<Call extends HttpCall = HttpCall> =
  | HttpAuditRoute<Call>['event']
  | HttpAuditRoute<Call>;

/** A route that was checked. */
export interface AuditingRoute<Call extends HttpCall> {
  readonly body: 'request' | 'response' | undefined;
  /** Whether any of its events may pass the checker. */
  isWanted(): boolean;
  /** What to record of a call; throws what the user's functions throw. */
  initsOf(call: Call): AuditEventInit[];
}

/** @throws {AuditError} `invalid-option`, naming the route. */
export function readRoute<Call extends HttpCall>(
  where: string,
  given: HttpRoute<Call>,
  options: RecordOptions,
  maxBodyBytes: number,
): AuditingRoute<Call> {
  const isShort = typeof given === 'string' || typeof given === 'function' || isList(given);
  const route: HttpAuditRoute<Call> = isShort
    ? { event: given }
    : requireMembers<HttpAuditRoute<Call>>(where, given, ['event', 'body', 'payload']);
  const requests = readAuditRequests(isShort ? where : `${where}.event`, route.event, options);
  const { payload } = route;
  if (payload !== undefined && typeof payload !== 'function' && !isTexts(payload)) {
    throw invalidOption(`${where}.payload`, 'must be a function, or a list of members of the body');
  }
  const body =
    route.body === undefined
      ? isList(payload)
        ? 'request'
        : undefined
      : requireWord(`${where}.body`, route.body, ['request', 'response'] as const);

  const payloadOf = (call: Call): unknown => {
    if (call.outcome === 'denied') return undefined;
    if (call.outcome === 'failed') return failureOf(call);
    if (payload === undefined) return undefined;
    if (typeof payload !== 'function') return pick(call.body, payload, maxBodyBytes);
    return orWithout(options, () => refusePromise(payload(call)));
  };

  return {
    body,
    isWanted: requests.isWanted,
    initsOf: (call) => requests.initsOf(call, call.outcome, payloadOf),
  };
}

/** What there is to say of a failure: no message, for that may hold a secret. */
function failureOf({ status, error }: HttpCall): { status?: number; error?: string } {
  return {
    ...(status !== undefined && { status }),
    ...(error !== undefined
      ? { error: errorName(error) }
      : status === undefined
        ? { error: 'unanswered' }
        : status < 400 && { error: 'broken off' }),
  };
}

/** With `durable` a fault of the user's refuses the answer; otherwise only the payload is lost. */
function orWithout(options: RecordOptions, make: () => unknown): unknown {
  if (options.durable === true) return make();
  try {
    return make();
  } catch (error) {
    tellFault('the payload of an audited HTTP call is left out', error);
    return undefined;
  }
}

const isTexts = (value: unknown): boolean =>
  isList(value) && value.length > 0 && value.every((one) => typeof one === 'string');
