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

/**
 * One request and its answer, watched until it ends: by an answer, whatever became of the client; by one broken
 * off by either side; by a handler that throws; or by no answer within a time after the client hung up.
 */
export class Exchange {
  readonly #response: ServerResponse;
  readonly #watcher: object;
  readonly #listener: EndListener;
  /** Hardly ever more than one; not a list for the one, as a list is a literal: see OpenCall. */
  #others: Map<object, EndListener> | undefined;
  #isOver = false;
  #isBrokenFromHere = false;
  #hungUp = false;
  #isClosed = false;
  #error: unknown;
  #timer: Timer | undefined;
  /** Whether {@link Exchange.answered} is to be told of the answer's end; else somebody else tells it. */
  isTelling = false;
  /** Whether `end` is at work: a mock's, such as that of Fastify's `inject`, destroys what it has ended. */
  isEnding = false;

  /** @param watcher on whose behalf the listener listens */
  constructor(response: ServerResponse, watcher: object, listener: EndListener) {
    this.#response = response;
    this.#watcher = watcher;
    this.#listener = listener;
  }

  add(watcher: object, listener: EndListener): void {
    this.#others ??= new Map();
    this.#others.set(watcher, listener);
  }

  isWatchedBy(watcher: object): boolean {
    return this.#watcher === watcher || this.#others?.has(watcher) === true;
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

  /** Whether it has ended and its connection or stream is closed: nothing is to come. */
  get isDone(): boolean {
    return this.#isOver && this.#isClosed;
  }

  closed(): void {
    this.#isClosed = true;
    if (this.#isOver || this.#hungUp) return;
    const status = this.#statusSoFar();
    // Node may close what is through before the microtask of answeredInParts.
    if (this.isTelling && !this.#isBrokenFromHere && this.#response.writableFinished) {
      this.#tell({ status });
      return;
    }
    if (status !== undefined && isCutFromHere(this.#response)) this.#isBrokenFromHere = true;
    if (this.#isBrokenFromHere) this.#tell({ status, brokenOff: status !== undefined });
    else {
      this.#hungUp = true;
      if (status === undefined) this.#awaitAnswer();
      else this.giveUp();
    }
  }

  #awaitAnswer(): void {
    const listeners = [this.#listener, ...(this.#others?.values() ?? [])];
    const unansweredMs = Math.max(...listeners.map((listener) => listener.unansweredMs));
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
    const first = this.#listener.ended(whole);
    if (this.#others === undefined) return first;
    const waits = [...this.#others.values()].flatMap((listener) => listener.ended(whole) ?? []);
    if (first !== undefined) waits.push(first);
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
