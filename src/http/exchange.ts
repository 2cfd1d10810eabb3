import type { HttpDispatcher } from './undici.js';

/** What the far side answered. All of it is its own, to be distrusted. */
export interface HttpReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The first 16 KiB of the body. */
  readonly body: Buffer;
  /** Whether there was, or would have been, more of it. */
  readonly truncated: boolean;
}

/** One request in undici's terms. */
export interface Dispatch {
  readonly origin: string;
  readonly path: string;
  readonly method: 'POST';
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** 0: the signal alone is the deadline. */
  readonly headersTimeout: 0;
  readonly bodyTimeout: 0;
}

const KEPT_BYTES = 16 * 1024;
/** Read and thrown away, since a new connection costs more; beyond that the connection goes. */
const DRAINED_BYTES = 256 * 1024;

/** The part of undici's DispatchController that is needed. */
interface Controller {
  abort(reason: Error): void;
}

/** Called once: with the reply, or without one and why. */
export type ExchangeEnd = (reply: HttpReply | undefined, error?: unknown) => void;

/**
 * One request and its reply, as undici's DispatchHandler: less work than `request()`, and it ends at once
 * when aborted, where `request()` waits for a connection first.
 */
export class Exchange {
  readonly #end: ExchangeEnd;
  #settled = false;
  #controller: Controller | undefined;
  #status = 0;
  #headers: HttpReply['headers'] = {};
  #chunks: Buffer[] | undefined;
  #kept = 0;
  #received = 0;

  constructor(end: ExchangeEnd) {
    this.#end = end;
  }

  start(dispatcher: HttpDispatcher, request: Dispatch): void {
    try {
      dispatcher.dispatch(request, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it now. What a refusal has said so far counts; a success must be complete. */
  abort(reason: Error): void {
    if (this.#settled) return;
    this.#fail(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Controller): void {
    if (this.#settled) {
      controller.abort(new Error('aborted before it was sent'));
      return;
    }
    this.#controller = controller;
    this.#status = 0; // a dispatcher of the user's may try again by itself
    this.#chunks = undefined;
    this.#kept = 0;
    this.#received = 0;
  }

  onResponseStart(_: Controller, status: number, headers: HttpReply['headers']): void {
    this.#status = status; // an informational one is followed by the final one
    this.#headers = headers;
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#settled) return;
    this.#received += chunk.length;
    if (this.#kept < KEPT_BYTES) {
      const part = chunk.subarray(0, KEPT_BYTES - this.#kept);
      this.#chunks ??= [];
      this.#chunks.push(part);
      this.#kept += part.length;
    }
    if (this.#received <= DRAINED_BYTES) return;
    this.#finish();
    controller.abort(new Error('the reply is too long'));
  }

  onResponseEnd(): void {
    this.#finish();
  }

  onResponseError(_: Controller, error: Error): void {
    this.#fail(error);
  }

  #finish(complete = true): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#end({
      status: this.#status,
      headers: this.#headers,
      body: this.#chunks === undefined ? EMPTY : Buffer.concat(this.#chunks),
      truncated: !complete || this.#received > this.#kept,
    });
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    if (this.#status >= 300) {
      this.#finish(false);
    } else {
      this.#settled = true;
      this.#end(undefined, error);
    }
  }
}

const EMPTY = Buffer.alloc(0);
