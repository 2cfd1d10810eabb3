import type { AuditEventInit } from '../../event/event.js';
import { invalidOption, requireMembers, show } from '../../http/options.js';
import {
  type AuditRequests,
  type CallFunction,
  isList,
  readAuditRequests,
  refusePromise,
} from '../audit-request.js';
import { type RecordOptions, tellFault } from '../record.js';
import type { GrpcCall } from './call.js';
import { codeName } from './codes.js';

/** What to record of the calls of a method. */
export interface GrpcAuditMethod<Call extends GrpcCall = GrpcCall> {
  /**
   * Noun and verb, as `flag:create`, or several. The verbs `create`, `update` and `delete` become
   * `created`, `updated` and `deleted`; others stay. Or a function that is called at the end of a call that
   * succeeded, was denied or failed, and returns one, several or none; of a call that was refused early it
   * may not get to see the request.
   */
  readonly event: AuditRequests<Call>;
  /**
   * What it was done to: the request's or the response's message, the record that the handler told as
   * `deleted`, or a function. Only for a success: what was denied has none, and what failed
   * `{ code, error }`. Default: none, for messages may hold secrets.
   */
  readonly payload?: 'request' | 'response' | 'deleted' | CallFunction<Call, unknown> | undefined;
}

/** A method in short: its `event`, or all of it. */
export type GrpcMethod<Call extends GrpcCall = GrpcCall> =
  | GrpcAuditMethod<Call>['event']
  | GrpcAuditMethod<Call>;

/** A method that was checked. */
export interface AuditedMethod {
  /** Whether any of its events may pass the checker. */
  isWanted(): boolean;
  /** What to record of a call; throws what the user's functions throw. */
  initsOf(call: GrpcCall): AuditEventInit[];
}

/** @throws {AuditError} `invalid-option`, naming the method. */
export function readMethod(
  where: string,
  given: GrpcMethod,
  options: RecordOptions,
): AuditedMethod {
  const isShort = typeof given === 'string' || typeof given === 'function' || isList(given);
  const method: GrpcAuditMethod = isShort
    ? { event: given }
    : requireMembers<GrpcAuditMethod>(where, given, ['event', 'payload']);
  const requests = readAuditRequests(isShort ? where : `${where}.event`, method.event, options);
  const choose = readPayload(`${where}.payload`, method.payload);

  const payloadOf = (call: GrpcCall): unknown => {
    if (call.outcome === 'denied') return undefined;
    if (call.outcome === 'failed') return { code: call.code, error: codeName(call.code) };
    if (options.durable === true) return refusePromise(choose(call));
    try {
      return refusePromise(choose(call));
    } catch (error) {
      tellFault('the payload of an audited gRPC call is left out', error);
      return undefined;
    }
  };

  return {
    isWanted: requests.isWanted,
    initsOf: (call) => requests.initsOf(call, call.outcome, payloadOf),
  };
}

function readPayload(
  where: string,
  payload: GrpcAuditMethod['payload'],
): (call: GrpcCall) => unknown {
  switch (payload) {
    case undefined:
      return () => undefined;
    case 'request':
      return ({ request }) => request;
    case 'response':
      return ({ response }) => response;
    case 'deleted':
      return ({ told }) => told.deleted;
    default:
      if (typeof payload === 'function') return payload;
      throw invalidOption(
        where,
        `must be 'request', 'response', 'deleted' or a function, not ${show(payload)}`,
      );
  }
}
