import type { Actor } from '../event/event.js';
import { actorFromAuthentication } from './actor.js';
import { enumName, inner } from './fields.js';
import { type FliptAuthentication, METHODS } from './messages.js';
import {
  constraintPayload,
  distributionPayload,
  flagPayload,
  namespacePayload,
  requestPayload,
  rolloutPayload,
  rulePayload,
  segmentPayload,
  tokenPayload,
  variantPayload,
} from './payloads.js';

/** What Flipt's audit looks at in a call; that of `otel-audit/interceptors/grpc` has it. */
export interface FliptCall {
  readonly request: unknown;
  readonly response: unknown;
  readonly outcome: string;
  readonly ip: string | undefined;
  /** `authentication` is who calls, and `deleted` a rule, a rollout or an authentication as it was. */
  readonly told: {
    readonly authentication?: unknown;
    readonly deleted?: unknown;
  };
}

/** What Flipt records of a method. */
export interface FliptMethod {
  readonly event:
    | string
    | ((call: FliptCall) => { readonly event: string; readonly payload?: unknown } | undefined);
  readonly payload?: (call: FliptCall) => unknown;
}

type MakePayload = (message: object) => unknown;

/** Of a response that lacks a message there is nothing to say. */
const of = (make: MakePayload, message: unknown): unknown =>
  typeof message === 'object' && message !== null ? make(message) : undefined;

const fromResponse =
  (make: MakePayload) =>
  ({ response }: FliptCall) =>
    of(make, response);
const fromRequest = ({ request }: FliptCall) => of(requestPayload, request);

/** The record as it was, where the handler told it. */
const fromDeleted = (make: MakePayload) => (call: FliptCall) =>
  of(make, call.told.deleted) ?? fromRequest(call);

function methodsOf(
  name: string,
  make: MakePayload,
  deleted: FliptMethod['payload'] = fromRequest,
): [string, FliptMethod][] {
  const noun = name.toLowerCase();
  return [
    [`/flipt.Flipt/Create${name}`, { event: `${noun}:created`, payload: fromResponse(make) }],
    [`/flipt.Flipt/Update${name}`, { event: `${noun}:updated`, payload: fromResponse(make) }],
    [`/flipt.Flipt/Delete${name}`, { event: `${noun}:deleted`, payload: deleted }],
  ];
}

/**
 * What Flipt records of its own gRPC methods, for `auditGrpc({ methods: fliptMethods, actor: fliptActor })`:
 * the response in its payload shape; of a deletion or an order the request, or the deleted rule or rollout
 * where the handler told it; of a new token the metadata of its authentication. Of a deleted authentication
 * only that of a token, where the handler told it.
 */
export const fliptMethods: { readonly [path: string]: FliptMethod } = Object.freeze(
  Object.fromEntries<FliptMethod>([
    ...methodsOf('Flag', flagPayload),
    ...methodsOf('Variant', variantPayload),
    ...methodsOf('Segment', segmentPayload),
    ...methodsOf('Constraint', constraintPayload),
    ...methodsOf('Distribution', distributionPayload),
    ...methodsOf('Namespace', namespacePayload),
    ...methodsOf('Rule', rulePayload, fromDeleted(rulePayload)),
    ...methodsOf('Rollout', rolloutPayload, fromDeleted(rolloutPayload)),
    ['/flipt.Flipt/OrderRules', { event: 'rule:updated', payload: fromRequest }],
    ['/flipt.Flipt/OrderRollouts', { event: 'rollout:updated', payload: fromRequest }],
    [
      '/flipt.auth.AuthenticationMethodTokenService/CreateToken',
      { event: 'token:created', payload: createdToken },
    ],
    ['/flipt.auth.AuthenticationService/DeleteAuthentication', { event: deletedToken }],
  ]),
);

function createdToken({ response }: FliptCall): unknown {
  return of((message) => of(tokenPayload, inner(message, 'authentication')), response);
}

function deletedToken({ outcome, told: { deleted } }: FliptCall) {
  if (typeof deleted !== 'object' || deleted === null) return undefined;
  if (enumName(deleted, 'method', METHODS) !== 'METHOD_TOKEN') return undefined;
  const event = 'token:deleted';
  return outcome === 'success' ? { event, payload: tokenPayload(deleted) } : { event };
}

/**
 * The actor of a call in Flipt's shape: of the `authentication` that the service told by `tellAudit`, and the
 * call's address.
 */
export function fliptActor({ told, ip }: FliptCall): Actor {
  return actorFromAuthentication(told.authentication as FliptAuthentication | undefined, ip);
}
