import type { IncomingMessage, ServerResponse } from 'node:http';
import { tellFault } from '../record.js';
import type { Auditor, OpenCall } from './auditor.js';
import { copyRequest, copyResponse } from './body.js';
import type { HttpCall } from './call.js';
import { type Exchange, exchangeOf, tellAnswer, watchExchange } from './exchange.js';
import { holdAnswer } from './hold.js';
import type { Routing } from './route-table.js';

/** A call on `node:http`, and what an adapter adds to it. */
export interface NodeCall extends Routing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the framework gives its handlers, by the names under which the user's functions get it. */
  readonly native: object;
  /** The request's target, where the framework has changed `request.url`. */
  readonly target?: string | undefined;
  /** The request's body as the framework parsed it. Default: the bytes are copied as they arrive. */
  readonly parsedBody?: (() => unknown) | undefined;
}

/** Watches a call that comes in, to its end; undefined for one that is not to be audited. Never throws. */
export function watchNodeCall<Call extends HttpCall>(
  auditor: Auditor<Call>,
  { request, response, native, target, routed, pattern, parsedBody }: NodeCall,
): Exchange | undefined {
  try {
    const watched = exchangeOf(response, auditor);
    if (watched !== undefined) return watched;
    const call = auditor.open({
      method: request.method ?? 'GET',
      target: target ?? request.url ?? '/',
      routed,
      pattern,
      remote: request.socket.remoteAddress, // which is unknown once the connection is closed
      forwarded: request.headers['x-forwarded-for'] as string | undefined, // Node joins several
      native,
    });
    if (call === undefined) return undefined;
    const { maxBodyBytes } = auditor;
    let body = readNothing;
    const exchange = watchExchange(response, auditor, (ending) => call.end(ending, () => body()));
    if (auditor.isDurable) holdAnswer(response, () => exchange.answered());
    else tellAnswer(response, exchange);
    body = readerOf(call, { request, response, parsedBody, maxBodyBytes });
    return exchange;
  } catch (error) {
    tellFault('an HTTP call is not audited', error);
    return undefined;
  }
}

const readNothing = (): unknown => undefined;

function readerOf(
  call: OpenCall,
  {
    request,
    response,
    parsedBody,
    maxBodyBytes,
  }: Pick<NodeCall, 'request' | 'response' | 'parsedBody'> & { readonly maxBodyBytes: number },
): () => unknown {
  if (call.body === undefined) return readNothing;
  if (call.body === 'response') return copyResponse(response, maxBodyBytes);
  return parsedBody ?? copyRequest(request, maxBodyBytes);
}
