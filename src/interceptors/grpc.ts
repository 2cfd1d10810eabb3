import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { type GrpcAuditOptions, GrpcAuditor } from './grpc/auditor.js';

export type { AuditRequest, AuditRequests, CallFunction } from './audit-request.js';
export type { TrustProxy } from './client-address.js';
export type { GrpcAuditOptions } from './grpc/auditor.js';
export type { GrpcCall } from './grpc/call.js';
export type { GrpcAuditMethod, GrpcMethod } from './grpc/method.js';
export { type Told, tellAudit } from './grpc/told.js';

/**
 * A server interceptor for `@grpc/grpc-js` that audits unary and streaming calls. Put it first, so that it
 * sees what other interceptors refuse, and what grpc-js ends by itself.
 *
 * An OK is recorded as `success`, PERMISSION_DENIED and UNAUTHENTICATED as `denied`, other errors with
 * `failures` as `failed`; a call that was cut short as what its handler answers all the same, or else as
 * `failed`. Each is recorded once. With `durable` the response, or for a stream of responses its status, waits
 * for the receipt; without one the client gets UNAVAILABLE.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * const server = new Server({
 *   interceptors: [auditGrpc({ methods: { '/flags.Flags/CreateFlag': 'flag:create' } })],
 * });
 */
export function auditGrpc(options: GrpcAuditOptions): ServerInterceptor {
  const auditor = new GrpcAuditor(options);
  return (definition, call) => auditor.watch(definition, call) ?? new ServerInterceptingCall(call);
}
