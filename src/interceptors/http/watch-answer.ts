import type { IncomingMessage, ServerResponse } from 'node:http';
import { type EndListener, Exchange } from './exchange.js';

/** The methods of an answer by which its exchange hears how it ends. */
interface Methods {
  readonly end: ServerResponse['end'];
  readonly destroy: ServerResponse['destroy'];
  readonly emit: ServerResponse['emit'];
}

const EXCHANGE = Symbol('exchange');

/** An answer with methods of its own that are ours. */
type Owner = ServerResponse & { [EXCHANGE]?: Owned };

/** A class and not a literal: see OpenCall. */
class Owned {
  readonly exchange: Exchange;
  readonly end: ServerResponse['end'];
  readonly destroy: ServerResponse['destroy'];
  readonly emit: ServerResponse['emit'];

  /** With the methods that ours stand before. */
  constructor(exchange: Exchange, { end, destroy, emit }: Methods) {
    this.exchange = exchange;
    this.end = end;
    this.destroy = destroy;
    this.emit = emit;
  }
}

// Of answers that inherit our methods. Not a property, since Express changes an answer's prototype and V8 then copies
// the whole layout of the object for each property that is added. What is over is taken out: V8's frequent
// collections keep what a WeakMap's value leads to, even where that is its key. Null stays in its place.
const inheriting = new WeakMap<object, Exchange | null>();

function known(response: Owner): Exchange | undefined {
  return inheriting.get(response) ?? response[EXCHANGE]?.exchange;
}

/** Whether it was watched to its end: middleware that comes upon it then is not to begin again. */
export function isDone(response: ServerResponse): boolean {
  return inheriting.get(response) === null;
}

/** The exchange, if this watcher watches it already: middleware may stand before an app and a router of it. */
export function exchangeOf(response: ServerResponse, watcher: object): Exchange | undefined {
  const exchange = known(response);
  return exchange?.isWatchedBy(watcher) ? exchange : undefined;
}

/**
 * Watches an exchange. The listener is called in the context of who ended it, while the span of the request
 * still records. Does not see an answer by itself: see {@link Exchange.isTelling}.
 */
export function watchExchange(
  response: ServerResponse,
  watcher: object,
  listener: EndListener,
): Exchange {
  const watched = known(response);
  if (watched !== undefined) {
    watched.add(watcher, listener);
    return watched;
  }
  const exchange = new Exchange(response, watcher, listener);
  if (inheritsOurs(response)) inherit(response, exchange);
  else own(response, exchange);
  if (response.socket === null) watchQueued(response, exchange);
  return exchange;
}

function inherit(response: ServerResponse, exchange: Exchange): void {
  inheriting.set(response, exchange);
  response.on('prefinish', handed).on('close', gone);
}

// An answer that is handed to what does not descend from the same prototype, such as an app of another copy of
// Express, inherits ours no longer. Functions that all answers share, see OWN.

/** Node tells it within `end`: in the context of who ended it. */
function handed(this: ServerResponse): void {
  const exchange = inheriting.get(this);
  if (exchange?.isTelling === true && !exchange.isEnding) exchange.answeredInParts();
}

function gone(this: ServerResponse): void {
  const exchange = inheriting.get(this);
  exchange?.closed();
  letGoIfDone(this, exchange);
}

function letGoIfDone(response: ServerResponse, exchange: Exchange | null | undefined): void {
  if (exchange?.isDone === true) inheriting.set(response, null);
}

function own(response: Owner, exchange: Exchange): void {
  response[EXCHANGE] = new Owned(exchange, response);
  response.end = OWN.end;
  response.destroy = OWN.destroy;
  response.emit = OWN.emit;
}

// Shared by all answers: a function made for each of them would keep the whole of it alive in V8's caches, which
// made the collector's work several times as much.
const OWN: Methods = {
  end(this: Owner, ...given: unknown[]) {
    const { exchange, end } = this[EXCHANGE] as Owned;
    return endThrough(end, this, given, exchange);
  },
  destroy(this: Owner, error?: Error) {
    const { exchange, destroy } = this[EXCHANGE] as Owned;
    return destroyThrough(destroy, this, error, exchange);
  },
  emit(this: Owner, ...given: unknown[]) {
    const { exchange, emit } = this[EXCHANGE] as Owned;
    // Before all listeners, for another one ends the span. A listener put before others would make Node keep them in
    // a list, which outlives the request as a literal does.
    if (given[0] === 'close') exchange.closed();
    return Reflect.apply(emit, this, given);
  },
};

/** The same on a prototype, where also answers are that nobody watches, and those with methods of their own. */
function methodsOver(below: Methods): Methods {
  return {
    end(this: ServerResponse, ...given: unknown[]) {
      const exchange = inheriting.get(this);
      const result = endThrough(below.end, this, given, exchange);
      letGoIfDone(this, exchange);
      return result;
    },
    destroy(this: ServerResponse, error?: Error) {
      return destroyThrough(below.destroy, this, error, inheriting.get(this));
    },
    emit(this: ServerResponse, ...given: unknown[]) {
      if (given[0] === 'close') gone.call(this);
      return Reflect.apply(below.emit, this, given);
    },
  };
}

/** Tells of an answer once it is handed to Node: while the span still records, and its client waits no more. */
function endThrough(
  end: ServerResponse['end'],
  response: ServerResponse,
  given: readonly unknown[],
  exchange: Exchange | null | undefined,
): ServerResponse {
  if (exchange?.isTelling !== true) return Reflect.apply(end, response, given);
  const isUnderWay = response.headersSent;
  exchange.isEnding = true;
  let result: ServerResponse;
  try {
    result = Reflect.apply(end, response, given); // which may throw, and sets the status for good
  } finally {
    exchange.isEnding = false;
  }
  if (isUnderWay) exchange.answeredInParts();
  else exchange.answered();
  return result;
}

function destroyThrough(
  destroy: ServerResponse['destroy'],
  response: ServerResponse,
  error: Error | undefined,
  exchange: Exchange | null | undefined,
): ServerResponse {
  const result = destroy.call(response, error);
  exchange?.destroyed();
  return result;
}

/** By prototype of answers what they inherit of ours; null where they cannot. */
const inherited = new WeakMap<object, Methods | null>();

/** Whether an answer has our methods by its prototype, where it can; if not it needs its own. */
function inheritsOurs(response: ServerResponse): boolean {
  const prototype = Object.getPrototypeOf(response) as Methods;
  let ours = inherited.get(prototype);
  if (ours === undefined) {
    ours = putOnPrototype(prototype);
    inherited.set(prototype, ours);
  }
  return (
    ours !== null &&
    prototype.end === ours.end &&
    prototype.destroy === ours.destroy &&
    prototype.emit === ours.emit &&
    !Object.hasOwn(response, 'end') &&
    !Object.hasOwn(response, 'destroy') &&
    !Object.hasOwn(response, 'emit')
  );
}

/**
 * Puts our methods on what a framework has put between its answers and Node's: on what stands nearest to Node's,
 * since an answer may pass from one app to another. Node's own prototypes stay as they are.
 */
function putOnPrototype(prototype: object): Methods | null {
  let home: object | undefined;
  let next: object | null = prototype;
  while (next !== null && !Object.hasOwn(next, 'writeHead')) {
    home = next;
    next = Object.getPrototypeOf(next);
  }
  if (home === undefined || next === null) return null;
  const known = inherited.get(home);
  if (known !== undefined) return known;
  const { end, destroy, emit } = home as Methods;
  const ours = methodsOver({ end, destroy, emit });
  try {
    Object.assign(home, ours);
  } catch {
    inherited.set(home, null); // frozen
    return null;
  }
  inherited.set(home, ours);
  return ours;
}

/** By connection, the answers that wait behind another one of it: pipelined requests. */
const queued = new WeakMap<object, Map<ServerResponse, Exchange>>();

/** Node tells an answer that its connection is closed only once its turn has come. */
function watchQueued(response: ServerResponse, exchange: Exchange): void {
  const socket: IncomingMessage['socket'] | undefined = response.req?.socket;
  if (socket === undefined) return;
  let waiting = queued.get(socket);
  if (waiting === undefined) {
    const all = new Map<ServerResponse, Exchange>();
    waiting = all;
    queued.set(socket, all);
    socket.once('close', () => {
      for (const one of all.values()) one.closed();
    });
  }
  waiting.set(response, exchange);
  const leave = () => waiting.delete(response);
  response.once('socket', leave).once('close', leave);
}
