import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';
import { Auditor, type HttpAuditOptions } from './http/auditor.js';
import type { HttpCall } from './http/call.js';
import { watchNodeCall } from './http/node-call.js';

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
  listener: (request: IncomingMessage, response: ServerResponse) => Result,
): (request: IncomingMessage, response: ServerResponse) => Result {
  const auditor = new Auditor('auditHttp', options);
  return function (this: unknown, request, response) {
    const exchange = watchNodeCall(auditor, { request, response, native: { request, response } });
    if (exchange === undefined) return Reflect.apply(listener, this, [request, response]);
    let result: Result;
    try {
      result = Reflect.apply(listener, this, [request, response]);
    } catch (error) {
      exchange.threw(error);
      throw error;
    }
    if (!types.isPromise(result)) return result;
    return result.then(
      (value) => {
        exchange.finished();
        return value;
      },
      (error) => {
        exchange.threw(error);
        throw error;
      },
    ) as Result;
  };
}
