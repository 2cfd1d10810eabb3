import { type Actor, type AuditEventInit, nameFault } from '../event/event.js';
import { invalidOption, show } from '../http/options.js';
import type { Outcome } from './outcome.js';
import { isWanted, type RecordOptions } from './record.js';

/** An event that a function of the user's asks for; a text is its `event` alone. */
export type AuditRequest =
  | string
  | {
      /** Noun and verb, as `flag:create`; `create`, `update` and `delete` become `created` and so on. */
      readonly event: string;
      /** Default: what the interceptor would record. */
      readonly payload?: unknown;
      /** Default: what the interceptor's `actor` says. */
      readonly actor?: Actor | (Actor & { readonly [key: string]: unknown }) | undefined;
      /** Default: the call's outcome. */
      readonly status?: string | undefined;
    };

/** What is to be recorded of a call. */
export type AuditRequests<Call> =
  | string
  | readonly string[]
  | CallFunction<Call, AuditRequest | readonly AuditRequest[] | undefined>;

/** A function of a call that may say by its parameter's type what the call carries. */
export type CallFunction<Call, Result> = { of(call: Call): Result }['of']; // a method's type is bivariant

/** Audit requests that were checked. */
export interface CheckedRequests<Call> {
  /** Whether any of their events may pass the checker. */
  isWanted(): boolean;
  /**
   * What to record of a call. The checker is asked before a payload is made. Throws what the user's
   * functions throw.
   */
  initsOf(call: Call, outcome: Outcome, payloadOf: (call: Call) => unknown): AuditEventInit[];
}

/** @throws {AuditError} `invalid-option`, naming where it stands. */
export function readAuditRequests<Call>(
  where: string,
  given: AuditRequests<Call>,
  options: RecordOptions,
): CheckedRequests<Call> {
  const requestsOf = readRequests(where, given);
  const isListed = ({ type, action }: EventPair) => isWanted(type, action, options);
  return {
    isWanted: () => typeof requestsOf === 'function' || requestsOf.some(isListed),
    initsOf(call, outcome, payloadOf) {
      const requests = typeof requestsOf === 'function' ? requestsOf(call) : requestsOf;
      return requests.filter(isListed).map(({ type, action, status = outcome, actor, ...own }) => ({
        type,
        action,
        status,
        actor,
        payload: 'payload' in own ? refusePromise(own.payload) : payloadOf(call),
      }));
    },
  };
}

interface EventPair {
  readonly type: string;
  readonly action: string;
}

type Requested = EventPair & Omit<Exclude<AuditRequest, string>, 'event'>;

function readRequests<Call>(
  where: string,
  given: AuditRequests<Call>,
): readonly Requested[] | ((call: Call) => readonly Requested[]) {
  if (typeof given === 'function') {
    return (call) => {
      const made = refusePromise(given(call));
      if (made === undefined || made === null) return [];
      return (isList(made) ? made : [made]).map((one) => readRequest(where, one));
    };
  }
  if (!isList(given)) return [readPair(where, given)];
  if (given.length === 0) throw invalidOption(where, 'must name at least one event');
  return given.map((text, index) => readPair(`${where}[${index}]`, text));
}

function readRequest(where: string, request: AuditRequest): Requested {
  if (typeof request === 'string') return readPair(where, request);
  if (typeof request !== 'object' || request === null) {
    throw invalidOption(where, `must return an event, several or none, not ${show(request)}`);
  }
  const { event, ...rest } = request;
  return { ...readPair(where, event), ...rest };
}

/** Flipt's requests and what becomes of them; every other verb stands for itself. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['create', 'created'],
  ['update', 'updated'],
  ['delete', 'deleted'],
]);

const known = new Map<string, EventPair>();
const MAX_KNOWN = 1024;

/** Reads `type:action`. */
function readPair(where: string, text: unknown): EventPair {
  const found = known.get(text as string);
  if (found !== undefined) return found;
  if (typeof text !== 'string') throw invalidOption(where, `must be a text, not ${show(text)}`);
  const colon = text.indexOf(':');
  const type = text.slice(0, Math.max(colon, 0));
  const verb = text.slice(colon + 1);
  if (colon < 0 || (nameFault(type) ?? nameFault(verb)) !== undefined) {
    throw invalidOption(
      where,
      `must be a noun, ':' and a verb, as 'flag:create', not ${show(text)}`,
    );
  }
  const pair = Object.freeze({ type, action: DONE.get(verb) ?? verb });
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, pair);
  return pair;
}

/** An `async` function's promise would be recorded as `{}`. */
export function refusePromise<T>(made: T): T {
  if (typeof (made as { then?: unknown } | undefined | null)?.then === 'function') {
    throw new TypeError('it must not be async, for the answer does not wait for it');
  }
  return made;
}

/** `Array.isArray` does not tell a readonly array from what else there is. */
export const isList = <One>(value: unknown | readonly One[]): value is readonly One[] =>
  Array.isArray(value);
