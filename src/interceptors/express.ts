import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalidOption } from '../http/options.js';
import { auditListener, type Listener } from './http/audit-listener.js';
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

type Middleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Audits the calls of an app of Express 5. `call.body` is `request.body`, as the body parser left it.
 *
 * Without the app it is middleware. Put it before what answers: also before the middleware that refuses, and
 * after one that rewrites `url` or `method` or compresses.
 *
 * With the app it is the listener for `createServer` that stands before all of it. That costs less, for
 * OpenTelemetry's Express instrumentation gives each middleware a span of its own.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * app.use(auditExpress({ routes: { 'POST /flags': { event: 'flag:create', payload: ['key'] } } }));
 * @example
 * createServer(auditExpress({ routes: { 'POST /flags': 'flag:create' } }, app)).listen(8080);
 */
export function auditExpress<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ServerResponse = ServerResponse,
>(options: HttpAuditOptions<ExpressCall<Request, Response>>): Middleware;
export function auditExpress<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ServerResponse = ServerResponse,
>(
  options: HttpAuditOptions<ExpressCall<Request, Response>>,
  app: Listener<unknown>,
): Listener<unknown>;
export function auditExpress(
  options: HttpAuditOptions<ExpressCall>,
  app?: Listener<unknown>,
): Middleware | Listener<unknown> {
  const auditor = new Auditor('auditExpress', options);
  const watch = (request: IncomingMessage, response: ServerResponse) =>
    watchNodeCall(auditor, new ExpressNodeCall(request as ExpressRequest, response));
  if (app !== undefined) return auditListener(watch, requireListener(app));
  // By its name OpenTelemetry's Express instrumentation calls its span, or leaves it out.
  return function audit(request, response, next) {
    watch(request, response);
    next();
  };
}

function requireListener(app: unknown): Listener<unknown> {
  if (typeof app === 'function') return app as Listener<unknown>;
  throw invalidOption('auditExpress: app', 'must be an Express app, or left out for middleware');
}

class ExpressNodeCall implements NodeCall {
  readonly request: ExpressRequest;
  readonly response: ServerResponse;

  constructor(request: ExpressRequest, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  /** Undefined before Express has had the request: then its `url` is still what it came with. */
  get target(): string | undefined {
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
