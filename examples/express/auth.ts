import type { Request } from 'express';
import type { Actor } from 'otel-audit';

/** Tokens of a demo. A real service looks them up, and keeps none in its code. */
export const EDITOR_TOKEN = 'demo-editor';
export const VIEWER_TOKEN = 'demo-viewer';

interface Caller {
  readonly name: string;
  readonly mayWrite: boolean;
}

const callers = new Map<string, Caller>([
  [EDITOR_TOKEN, { name: 'Ada', mayWrite: true }],
  [VIEWER_TOKEN, { name: 'Vic', mayWrite: false }],
]);

/** Who is calling, from the bearer token; undefined for a missing or an unknown one. */
function callerOf(request: Request): Caller | undefined {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  return scheme === 'Bearer' && token !== undefined ? callers.get(token) : undefined;
}

/** The status of a refusal, or undefined when the caller may go on. */
export function refusalOf(request: Request): 401 | 403 | undefined {
  const caller = callerOf(request);
  if (caller === undefined) return 401;
  return request.method === 'GET' || caller.mayWrite ? undefined : 403;
}

/** The caller as the actor of an audit event; the address comes from the interceptor. */
export function actorOf(request: Request): Actor {
  const caller = callerOf(request);
  return caller === undefined
    ? { authentication: 'none' }
    : { authentication: 'token', name: caller.name };
}
