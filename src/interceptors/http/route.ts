import type { Actor, AuditEventInit } from '../../event/event.js';
import { invalidOption, requireMembers, requireWord, show } from '../../http/options.js';
import { type EventPair, readAuditRequest } from '../audit-request.js';
import { errorName } from '../outcome.js';
import { isWanted, type RecordOptions, tellFault } from '../record.js';
import { pick } from './body.js';
import type { HttpCall } from './call.js';

/** An event that a route's function asks for; a text is its `event` alone. */
export type HttpAudit =
  | string
  | {
      /** `flag:create`, see {@link HttpAuditRoute}. */
      readonly event: string;
      /** Default: what the route's `payload` says. */
      readonly payload?: unknown;
      /** Default: what the interceptor's `actor` says. */
      readonly actor?: Actor | (Actor & { readonly [key: string]: unknown }) | undefined;
      /** Default: the call's outcome. */
      readonly status?: string | undefined;
    };

/** What to record of the calls of a route. */
export interface HttpAuditRoute<Call extends HttpCall = HttpCall> {
  /**
   * Noun and verb, as `flag:create`, or several. The verbs `create`, `update` and `delete` become
   * `created`, `updated` and `deleted`; others stay. Or a function that is called at the end of a call
   * that succeeded, was denied or, with `failures`, failed, and returns one, several or none.
   */
  readonly event:
    | string
    | readonly string[]
    | ((call: Call) => HttpAudit | readonly HttpAudit[] | undefined);
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
  const pairsOf = readEvent(isShort ? where : `${where}.event`, route.event);
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
    isWanted: () =>
      typeof pairsOf === 'function' ||
      pairsOf.some(({ type, action }) => isWanted(type, action, options)),
    initsOf(call) {
      const audits = typeof pairsOf === 'function' ? pairsOf(call) : pairsOf;
      return audits
        .filter(({ type, action }) => isWanted(type, action, options))
        .map(({ type, action, status = call.outcome, actor, ...own }) => ({
          type,
          action,
          status,
          actor,
          payload: 'payload' in own ? refusePromise(own.payload) : payloadOf(call),
        }));
    },
  };
}

type Audit = EventPair & Omit<Exclude<HttpAudit, string>, 'event'>;

function readEvent<Call extends HttpCall>(
  where: string,
  event: HttpAuditRoute<Call>['event'],
): readonly Audit[] | ((call: Call) => readonly Audit[]) {
  if (typeof event === 'function') {
    return (call) => {
      const made = refusePromise(event(call));
      if (made === undefined || made === null) return [];
      return (isList(made) ? made : [made]).map((audit) => readAudit(where, audit));
    };
  }
  if (!isList(event)) return [readAuditRequest(where, event)];
  if (event.length === 0) throw invalidOption(where, 'must name at least one event');
  return event.map((text, index) => readAuditRequest(`${where}[${index}]`, text));
}

function readAudit(where: string, audit: HttpAudit): Audit {
  if (typeof audit === 'string') return readAuditRequest(where, audit);
  if (typeof audit !== 'object' || audit === null) {
    throw invalidOption(where, `must return an event, several or none, not ${show(audit)}`);
  }
  const { event, ...rest } = audit;
  return { ...readAuditRequest(where, event), ...rest };
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

/** An `async` function's promise would be recorded as `{}`. */
export function refusePromise<T>(made: T): T {
  if (typeof (made as { then?: unknown } | undefined | null)?.then === 'function') {
    throw new TypeError('it must not be async, for the answer does not wait for it');
  }
  return made;
}

/** `Array.isArray` does not tell a readonly array from what else there is. */
const isList = <One>(value: unknown | readonly One[]): value is readonly One[] =>
  Array.isArray(value);

const isTexts = (value: unknown): boolean =>
  isList(value) && value.length > 0 && value.every((one) => typeof one === 'string');
