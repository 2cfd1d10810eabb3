import type { IncomingMessage, ServerResponse } from 'node:http';
import { Auditor, type HttpAuditOptions } from './http/auditor.js';
import type { HttpCall } from './http/call.js';
import { type NodeCall, watchNodeCall } from './http/node-call.js';

/** What is asked of Express's request, of which only the shape is known here. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl: string;
  readonly baseUrl?: string | undefined;
  readonly body?: unknown;
}

/** A call of an Express app that has ended; `request` and `response` are what the handlers got. */
export interface ExpressCall<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ServerResponse = ServerResponse,
> extends HttpCall {
  readonly request: Request;
  readonly response: Response;
}

/**
 * Middleware for Express 5 that audits the calls of an app. Put it before what answers: also before the
 * middleware that refuses, and after one that rewrites `url` or `method` or compresses. `call.body` is
 * `request.body`, as the body parser left it.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * app.use(auditExpress({ routes: { 'POST /flags': { event: 'flag:create', payload: ['key'] } } }));
 */
export function auditExpress<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ServerResponse = ServerResponse,
>(
  options: HttpAuditOptions<ExpressCall<Request, Response>>,
): (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void) => void {
  const auditor = new Auditor('auditExpress', options);
  // By its name OpenTelemetry's Express instrumentation calls its span, or leaves it out.
  return function audit(request, response, next) {
    watchNodeCall(auditor, new ExpressNodeCall(request, response));
    next();
  };
}

class ExpressNodeCall implements NodeCall {
  readonly request: ExpressRequest;
  readonly response: ServerResponse;

  constructor(request: ExpressRequest, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  get native(): object {
    return { request: this.request, response: this.response };
  }

  get target(): string {
    return this.request.originalUrl;
  }

  /** Which middleware may have rewritten. */
  get routed(): string {
    const { baseUrl = '', url } = this.request;
    return `${baseUrl}${url}`;
  }

  parsedBody(): unknown {
    return this.request.body;
  }
}
