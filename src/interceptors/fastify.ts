import type { IncomingMessage, ServerResponse } from 'node:http';
import { Auditor, type HttpAuditOptions } from './http/auditor.js';
import type { HttpCall } from './http/call.js';
import { type NodeCall, watchNodeCall } from './http/node-call.js';
import { exchangeOf } from './http/watch-answer.js';

/** What is asked of Fastify's request, of which only the shape is known here. */
export interface FastifyRequestLike {
  readonly raw: object;
  readonly body?: unknown;
  readonly routeOptions: { readonly url?: string | undefined };
}

/** What is asked of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: object;
}

/** What is asked of a Fastify instance. */
export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown;
  addHook(
    name: 'onError',
    hook: (
      request: FastifyRequestLike,
      reply: FastifyReplyLike,
      error: Error,
      done: () => void,
    ) => void,
  ): unknown;
}

/** A call of a Fastify server that has ended; `request` and `reply` are what the handlers got. */
export interface FastifyCall<
  Request extends FastifyRequestLike = FastifyRequestLike,
  Reply extends FastifyReplyLike = FastifyReplyLike,
> extends HttpCall {
  readonly request: Request;
  readonly reply: Reply;
}

/**
 * A plugin for Fastify 5 that audits the calls of a server. Register it before the plugins that refuse; it
 * covers the instance that it is registered on and all of its children. `call.body` is `request.body`, as the
 * content type's parser left it.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * app.register(auditFastify({ routes: { 'POST /flags': { event: 'flag:create', payload: ['key'] } } }));
 */
export function auditFastify<
  Request extends FastifyRequestLike = FastifyRequestLike,
  Reply extends FastifyReplyLike = FastifyReplyLike,
>(
  options: HttpAuditOptions<FastifyCall<Request, Reply>>,
): (instance: FastifyLike, options: unknown, done: () => void) => void {
  const auditor = new Auditor('auditFastify', options);

  const plugin = (instance: FastifyLike, _options: unknown, done: () => void): void => {
    instance.addHook('onRequest', (request, reply, next) => {
      watchNodeCall(auditor, new FastifyNodeCall(request, reply));
      next();
    });
    instance.addHook('onError', (_request, reply, error, next) => {
      exchangeOf(reply.raw as ServerResponse, auditor)?.note(error);
      next();
    });
    done();
  };
  // What the package fastify-plugin sets: the hooks are the whole instance's, not a child's.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'otel-audit',
    [Symbol.for('plugin-meta')]: { name: 'otel-audit', fastify: '5.x' },
  });
}

/** A class and not a literal: see OpenCall. */
class FastifyNodeCall implements NodeCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly routed: string | undefined;
  readonly pattern: string | undefined;
  readonly #request: FastifyRequestLike;
  readonly #reply: FastifyReplyLike;

  constructor(request: FastifyRequestLike, reply: FastifyReplyLike) {
    this.request = request.raw as IncomingMessage;
    this.response = reply.raw as ServerResponse;
    this.routed = this.request.url;
    this.pattern = request.routeOptions.url;
    this.#request = request;
    this.#reply = reply;
  }

  get native(): object {
    return { request: this.#request, reply: this.#reply };
  }

  parsedBody(): unknown {
    return this.#request.body;
  }
}
