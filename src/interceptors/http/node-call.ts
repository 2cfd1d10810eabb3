import type { IncomingMessage, ServerResponse } from 'node:http';
import { tellFault } from '../record.js';
import type { Auditor, CallStart, OpenCall } from './auditor.js';
import { copyRequest, copyResponse } from './body.js';
import type { HttpCall } from './call.js';
import type { Ending } from './ending.js';
import type { EndListener, Exchange } from './exchange.js';
import { holdAnswer } from './hold.js';
import type { Routing } from './route-table.js';
import { exchangeOf, isDone, watchExchange } from './watch-answer.js';

/** A call on `node:http`, and what an adapter adds to it. */
export interface NodeCall extends Routing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the framework gives its handlers, by the names under which the user's functions get it. Default: these two. */
  readonly native?: object | undefined;
  /** The request's target, where the framework has changed `request.url`. */
  readonly target?: string | undefined;
  /** The request's body as the framework parsed it. Default: the bytes are copied as they arrive. */
  readonly parsedBody?: (() => unknown) | undefined;
}

/** Watches a call that comes in, to its end; undefined for one that is not to be audited. Never throws. */
export function watchNodeCall<Call extends HttpCall>(
  auditor: Auditor<Call>,
  node: NodeCall,
): Exchange | undefined {
  try {
    const { response } = node;
    const watched = exchangeOf(response, auditor);
    if (watched !== undefined) return watched;
    if (isDone(response)) return undefined;
    const call = auditor.open(new NodeCallStart(node));
    if (call === undefined) return undefined;
    const listener = new NodeCallEnd(call, auditor.unansweredMs);
    const exchange = watchExchange(response, auditor, listener);
    if (auditor.isDurable) holdAnswer(response, () => exchange.answered());
    else exchange.isTelling = true;
    listener.readBody = readerOf(call, node, auditor.maxBodyBytes);
    return exchange;
  } catch (error) {
    tellFault('an HTTP call is not audited', error);
    return undefined;
  }
}

// Classes and not literals: see OpenCall.

class NodeCallStart implements CallStart {
  readonly method: string;
  readonly target: string;
  readonly routed: string | undefined;
  readonly pattern: string | undefined;
  readonly remote: string | undefined;
  readonly forwarded: string | undefined;
  readonly #node: NodeCall;

  constructor(node: NodeCall) {
    const { request } = node;
    this.#node = node;
    this.method = request.method ?? 'GET';
    this.target = node.target ?? request.url ?? '/';
    this.routed = node.routed;
    this.pattern = node.pattern;
    this.remote = request.socket.remoteAddress; // which is unknown once the connection is closed
    this.forwarded = request.headers['x-forwarded-for'] as string | undefined; // Node joins several
  }

  get native(): object {
    const { request, response, native } = this.#node;
    return native ?? { request, response };
  }
}

class NodeCallEnd implements EndListener {
  readonly unansweredMs: number;
  readBody = readNothing;
  readonly #call: OpenCall;

  constructor(call: OpenCall, unansweredMs: number) {
    this.#call = call;
    this.unansweredMs = unansweredMs;
  }

  ended(ending: Ending): void | Promise<void> {
    return this.#call.end(ending, this.readBody);
  }
}

function readNothing(): unknown {
  return undefined;
}

function readerOf(call: OpenCall, node: NodeCall, maxBodyBytes: number): () => unknown {
  if (call.body === undefined) return readNothing;
  if (call.body === 'response') return copyResponse(node.response, maxBodyBytes);
  if (node.parsedBody === undefined) return copyRequest(node.request, maxBodyBytes);
  return () => node.parsedBody?.();
}
