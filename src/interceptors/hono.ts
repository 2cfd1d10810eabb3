import type { IncomingMessage, ServerResponse } from 'node:http';
import { Auditor, type HttpAuditOptions } from './http/auditor.js';
import { readMessage } from './http/body.js';
import type { HttpCall } from './http/call.js';
import { type NodeCall, watchNodeCall } from './http/node-call.js';
import { REFUSAL, REFUSAL_HEADERS, tellRefusal } from './http/refusal.js';

/** What is asked of Hono's context, of which only the shape is known here. */
export interface HonoContextLike {
  readonly req: {
    readonly method: string;
    readonly path: string;
    readonly raw: Request;
  };
  res: Response;
  readonly error: Error | undefined;
  readonly env: unknown;
}

/** A call of a Hono app that has ended; `context` is what the handlers got. */
export interface HonoCall<Context extends HonoContextLike = HonoContextLike> extends HttpCall {
  readonly context: Context;
}

/**
 * Middleware for Hono that audits the calls of an app. Put it before what answers, also before what refuses.
 * On `@hono/node-server` it sees clients that hang up and answers that break off; elsewhere, also with
 * `app.request()`, an answer counts once its handler has made it, and no address is known.
 *
 * @throws {AuditError} `invalid-option`, naming the option
 * @example
 * app.use(auditHono({ routes: { 'POST /flags': { event: 'flag:create', payload: ['key'] } } }));
 */
export function auditHono<Context extends HonoContextLike = HonoContextLike>(
  options: HttpAuditOptions<HonoCall<Context>>,
): (context: HonoContextLike, next: () => Promise<void>) => Promise<void> {
  const auditor = new Auditor('auditHono', options);
  return (context, next) => {
    const { incoming, outgoing } = (context.env ?? {}) as NodeBindings;
    return incoming === undefined || outgoing === undefined
      ? auditWeb(auditor, context, next)
      : auditNode(auditor, context, next, incoming, outgoing);
  };
}

/** What `@hono/node-server` leaves in `env`. */
interface NodeBindings {
  readonly incoming?: IncomingMessage;
  readonly outgoing?: ServerResponse;
}

async function auditNode<Call extends HttpCall>(
  auditor: Auditor<Call>,
  context: HonoContextLike,
  next: () => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = watchNodeCall(auditor, new HonoNodeCall(context, request, response));
  try {
    await next();
    if (context.error !== undefined) exchange?.note(context.error);
  } catch (error) {
    exchange?.note(error);
    throw error; // the server makes an answer of it
  }
}

/** A class and not a literal: see OpenCall. */
class HonoNodeCall implements NodeCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** As a URL parser read it, or the user's getPath. */
  readonly routed: string;
  readonly #context: HonoContextLike;

  constructor(context: HonoContextLike, request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.routed = context.req.path;
    this.#context = context;
  }

  get native(): object {
    return { context: this.#context };
  }
}

async function auditWeb<Call extends HttpCall>(
  auditor: Auditor<Call>,
  context: HonoContextLike,
  next: () => Promise<void>,
): Promise<void> {
  const { method, path, raw } = context.req;
  if (auditor.seen.has(raw)) return next(); // before an app and another app in it
  const call = auditor.open({
    method,
    target: path,
    remote: undefined,
    forwarded: undefined,
    native: { context },
  });
  if (call === undefined) return next();
  auditor.seen.add(raw);
  const { maxBodyBytes } = auditor;
  const request = call.body === 'request' ? context.req.raw.clone() : undefined;
  try {
    await next();
  } catch (error) {
    await settle(() => call.end({ status: undefined, error }, () => undefined));
    throw error;
  }
  const message = request ?? (call.body === 'response' ? context.res.clone() : undefined);
  const body = message === undefined ? undefined : await readMessage(message, maxBodyBytes);
  const { status } = context.res;
  const isRecorded = await settle(() => call.end({ status, error: context.error }, () => body));
  if (isRecorded) return;
  context.res = undefined as unknown as Response; // or its headers would stay
  context.res = new Response(REFUSAL, { status: 503, headers: REFUSAL_HEADERS });
}

async function settle(end: () => void | Promise<void>): Promise<boolean> {
  try {
    await end();
    return true;
  } catch (error) {
    tellRefusal(error);
    return false;
  }
}
