import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock, type Timer } from '../../clock.js';
import { whenProcessExits } from '../../process-exit.js';
import { tellFault } from '../record.js';
import type { Ending } from './ending.js';

/** Told once how an exchange ended. */
export interface EndListener {
  readonly unansweredMs: number;
  /** With `durable` a promise that the answer is to wait for. */
  ended(ending: Ending): void | Promise<void>;
}

const EXCHANGE = Symbol('exchange');

type Watched = ServerResponse & { [EXCHANGE]?: Exchange };

/**
 * One request and its answer, watched until it ends: by an answer, whatever became of the client; by one broken
 * off by either side; by a handler that throws; or by no answer within a time after the client hung up.
 */
export class Exchange {
  readonly #response: ServerResponse;
  readonly #listeners: EndListener[] = [];
  readonly #watchers: object[] = [];
  readonly end: ServerResponse['end'];
  readonly destroy: ServerResponse['destroy'];
  readonly emit: ServerResponse['emit'];
  #isOver = false;
  #isBrokenFromHere = false;
  #hungUp = false;
  #error: unknown;
  #timer: Timer | undefined;
  isTelling = false;
  /** Whether `end` is at work: a mock's, such as that of Fastify's `inject`, destroys what it has ended. */
  isEnding = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.end = response.end;
    this.destroy = response.destroy;
    this.emit = response.emit;
  }

  add(watcher: object, listener: EndListener): void {
    this.#watchers.push(watcher);
    this.#listeners.push(listener);
  }

  isWatchedBy(watcher: object): boolean {
    return this.#watchers.includes(watcher);
  }

  /** The answer goes out, with the status that it has now. What comes back is the listeners'. */
  answered(): void | Promise<void> {
    return this.#settle({ status: this.#response.statusCode, hungUp: this.#hungUp });
  }

  /** The same of an answer that began earlier: some servers end one that they are about to break off. */
  answeredInParts(): void {
    queueMicrotask(() => {
      const { statusCode: status } = this.#response;
      this.#tell({ status, hungUp: this.#hungUp, brokenOff: this.#isBrokenFromHere });
    });
  }

  /** An error that the framework makes an answer of. */
  note(error: unknown): void {
    this.#error = error;
  }

  /** The handler threw; with nothing of an answer under way, that is the end. */
  threw(error: unknown): void {
    if (this.#response.writableEnded) return;
    const status = this.#statusSoFar();
    this.#tell({ status, error, hungUp: this.#hungUp, brokenOff: status !== undefined });
  }

  /** The handler is through; where the client has gone, nothing more will come. */
  finished(): void {
    if (this.#hungUp) this.giveUp();
  }

  /** Node does not destroy an answer whose client hangs up; a handler that gives it up does. */
  destroyed(): void {
    if (this.#hungUp) this.giveUp();
    else if (!this.isEnding) this.#isBrokenFromHere = true;
  }

  closed(): void {
    if (this.#isOver || this.#hungUp) return;
    const status = this.#statusSoFar();
    if (status !== undefined && isCutFromHere(this.#response)) this.#isBrokenFromHere = true;
    if (this.#isBrokenFromHere) this.#tell({ status, brokenOff: status !== undefined });
    else {
      this.#hungUp = true;
      if (status === undefined) this.#awaitAnswer();
      else this.giveUp();
    }
  }

  #awaitAnswer(): void {
    const unansweredMs = Math.max(...this.#listeners.map(({ unansweredMs }) => unansweredMs));
    this.#timer = systemClock.schedule(() => this.giveUp(), unansweredMs);
    startWaiting(this);
  }

  /** Nothing more will come. */
  giveUp(): void {
    this.#tell({ status: this.#statusSoFar(), hungUp: this.#hungUp });
  }

  #statusSoFar(): number | undefined {
    return this.#response.headersSent ? this.#response.statusCode : undefined;
  }

  /** Where nobody is left who could be refused an answer. */
  #tell(ending: Ending): void {
    this.#settle(ending)?.then(undefined, (error) => {
      tellFault('an HTTP call was not audited', error);
    });
  }

  #settle(ending: Ending): void | Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== undefined) {
      this.#timer.cancel();
      stopWaiting(this);
    }
    const whole = this.#error === undefined ? ending : { error: this.#error, ...ending };
    if (this.#listeners.length === 1) return this.#listeners[0]!.ended(whole);
    const waits = this.#listeners.flatMap((listener) => listener.ended(whole) ?? []);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
  }
}

/**
 * Whether this side destroyed the connection, as Express does with an answer whose handler throws when it has
 * begun. A client that goes away leaves an end or an error of the socket's.
 */
function isCutFromHere({ req }: ServerResponse): boolean {
  if (req === undefined || req.httpVersionMajor > 1) return false; // HTTP/2's streams share a socket
  const socket: Partial<IncomingMessage['socket']> | undefined = req.socket; // a mock has less
  if (socket?.destroyed !== true || socket.readableEnded === true) return false;
  // What the network or TLS says has a code.
  return (socket.errored as NodeJS.ErrnoException | null | undefined)?.code === undefined;
}

// Shared by all answers: a function made for each of them would keep the whole of it alive in V8's caches,
// which made the collector's work several times as much.

/** Hears of a close before all listeners, for another one ends the span. */
function tellingEmit(this: Watched, ...given: unknown[]): boolean {
  const exchange = this[EXCHANGE] as Exchange;
  if (given[0] === 'close') exchange.closed();
  return Reflect.apply(exchange.emit, this, given);
}

function tellingDestroy(this: Watched, error?: Error): ServerResponse {
  const exchange = this[EXCHANGE] as Exchange;
  const result: ServerResponse = exchange.destroy.call(this, error);
  exchange.destroyed();
  return result;
}

function tellingEnd(this: Watched, ...given: unknown[]): ServerResponse {
  const exchange = this[EXCHANGE] as Exchange;
  const isUnderWay = this.headersSent;
  exchange.isEnding = true;
  let result: ServerResponse;
  try {
    result = Reflect.apply(exchange.end, this, given); // which may throw, and sets the status for good
  } finally {
    exchange.isEnding = false;
  }
  if (isUnderWay) exchange.answeredInParts();
  else exchange.answered();
  return result;
}

/** The exchange, if this watcher watches it already: middleware may stand before an app and a router of it. */
export function exchangeOf(response: Watched, watcher: object): Exchange | undefined {
  const exchange = response[EXCHANGE];
  return exchange?.isWatchedBy(watcher) ? exchange : undefined;
}

/**
 * Watches an exchange. The listener is called in the context of who ended it, while the span of the request
 * still records. Does not see an answer by itself: see {@link tellAnswer}.
 */
export function watchExchange(response: Watched, watcher: object, listener: EndListener): Exchange {
  let exchange = response[EXCHANGE];
  if (exchange === undefined) {
    exchange = new Exchange(response);
    response[EXCHANGE] = exchange;
    response.destroy = tellingDestroy as ServerResponse['destroy'];
    if (response.socket === null) watchQueued(response);
    // A listener put before others would make Node keep them in a list, which outlives the request as a literal does.
    response.emit = tellingEmit as ServerResponse['emit'];
  }
  exchange.add(watcher, listener);
  return exchange;
}

/** Tells of the answer once it is handed to Node: while the span still records, and its client waits no more. */
export function tellAnswer(response: ServerResponse, exchange: Exchange): void {
  if (exchange.isTelling) return;
  exchange.isTelling = true;
  response.end = tellingEnd as ServerResponse['end'];
}

/** By connection, the answers that wait behind another one of it: pipelined requests. */
const queued = new WeakMap<object, Set<Watched>>();

/** Node tells an answer that its connection is closed only once its turn has come. */
function watchQueued(response: Watched): void {
  const socket: IncomingMessage['socket'] | undefined = response.req?.socket;
  if (socket === undefined) return;
  let waiting = queued.get(socket);
  if (waiting === undefined) {
    const all = new Set<Watched>();
    waiting = all;
    queued.set(socket, all);
    socket.once('close', () => {
      for (const one of all) one[EXCHANGE]?.closed();
    });
  }
  waiting.add(response);
  const leave = () => waiting.delete(response);
  response.once('socket', leave).once('close', leave);
}

/** Exchanges whose client has gone and whose handler has not answered; told of before the process ends. */
const waiting = new Set<Exchange>();
let stopListening: (() => void) | undefined;

function startWaiting(exchange: Exchange): void {
  stopListening ??= whenProcessExits(() => {
    for (const one of [...waiting]) one.giveUp();
  });
  waiting.add(exchange);
}

function stopWaiting(exchange: Exchange): void {
  if (!waiting.delete(exchange) || waiting.size > 0) return;
  stopListening?.();
  stopListening = undefined;
}
