import type { IncomingMessage, ServerResponse } from 'node:http';
import { auditListener, type Listener } from './http/audit-listener.js';
import { Auditor, type HttpAuditOptions } from './http/auditor.js';
import type { HttpCall } from './http/call.js';
import { type NodeCall, watchNodeCall } from './http/node-call.js';

export type { TrustProxy } from './client-address.js';
export type { HttpAuditOptions } from './http/auditor.js';
export type { HttpCall } from './http/call.js';
export type { HttpAudit, HttpAuditRoute, HttpRoute } from './http/route.js';

/** A call of a `node:http` server that has ended. */
export interface NodeHttpCall extends HttpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Audits the calls of a `node:http` server: wraps its listener, which knows nothing of it. Whatever the
 * listener throws or rejects with is passed on.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * const server = createServer(
 *   auditHttp({ routes: { 'POST /flags': 'flag:create' }, trustProxy: 1 }, listener),
 * );
 */
export function auditHttp<Result>(
  options: HttpAuditOptions<NodeHttpCall>,
  listener: Listener<Result>,
): Listener<Result> {
  const auditor = new Auditor('auditHttp', options);
  return auditListener(
    (request, response) => watchNodeCall(auditor, new PlainNodeCall(request, response)),
    listener,
  );
}

/** A class and not a literal: see OpenCall. */
class PlainNodeCall implements NodeCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }
}
