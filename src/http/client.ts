import { type Clock, systemClock } from '../clock.js';
import { messageOf } from '../errors.js';
import { SinkError } from '../sink.js';
import { Exchange, type HttpReply } from './exchange.js';
import { type HeaderPair, type HeaderSet, isHeaderValue, secretsOf } from './headers.js';
import { invalidOption, show } from './options.js';
import {
  describeStatus,
  faultOfError,
  faultOfStatus,
  parseRetryAfter,
  textOfError,
} from './outcome.js';
import { quote } from './quote.js';
import { type HttpDispatcher, type OwnDispatcher, openPool } from './undici.js';
import type { HttpUrl } from './url.js';

/** What {@link createHttpClient} takes. */
export interface HttpClientOptions {
  /** The factory, for messages: `webhookSink`. */
  readonly sink: string;
  /** From `requireUrl`. */
  readonly url: HttpUrl;
  /** From `requireHeaders`. */
  readonly headers: HeaderSet;
  /** Bound on connections, which are kept alive. Not for a dispatcher of the user's. */
  readonly connections: number;
  /** The user's; used and not closed. Default: a pool of our own. */
  readonly dispatcher?: HttpDispatcher | undefined;
  /** Further texts that no message may hold: signing keys. */
  readonly secrets?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** One request: a POST of `body`. */
export interface HttpRequest {
  readonly body: Buffer | string;
  /** Added to the client's own, which it must not repeat; checked names, in lower case. */
  readonly headers?: readonly HeaderPair[];
}

/** Sends requests to one URL, an attempt each. */
export interface HttpClient {
  /**
   * Makes one attempt and resolves for a complete 2xx. Never retries, never follows a redirect.
   *
   * @throws {SinkError} saying whose fault it is and what the far side said; `transient` when aborted.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
  /** What a far side said, for a message: one short line without this client's credentials. */
  quote(said: Uint8Array | string): string;
  /** Ends requests under way, and the connections unless they are the user's. */
  close(): Promise<void>;
}

/**
 * A client for one URL. Opens nothing before the first request.
 *
 * @throws {AuditError} `invalid-option` for a dispatcher that is none, and for credentials in the URL
 *   beside an Authorization header.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new Client(options);
}

class Client implements HttpClient {
  readonly #sink: string;
  readonly #url: HttpUrl;
  readonly #fixed: readonly string[];
  readonly #made: HeaderSet['made'];
  readonly #secrets: readonly string[];
  readonly #connections: number;
  readonly #clock: Clock;
  readonly #underWay = new Set<Exchange>();
  #dispatcher: HttpDispatcher | undefined;
  #opening: Promise<OwnDispatcher> | undefined;
  readonly #closing = new AbortController();

  constructor(options: HttpClientOptions) {
    const { sink, url, headers, dispatcher } = options;
    if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
      const fault = `must be a dispatcher of undici, not ${show(dispatcher)}`;
      throw invalidOption(`${sink}.dispatcher`, fault);
    }
    this.#sink = sink;
    this.#url = url;
    const fixed = [...headers.fixed, ...authorization(sink, url, headers)];
    this.#fixed = fixed.flat();
    this.#made = headers.made;
    this.#secrets = [...url.secrets, ...secretsOf(fixed), ...(options.secrets ?? [])];
    this.#connections = options.connections;
    this.#dispatcher = dispatcher;
    this.#clock = options.clock ?? systemClock;
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    this.#check(signal);
    const dispatcher = this.#dispatcher ?? (await this.#open());
    const made = this.#made.length === 0 ? NONE : await this.#make(signal);
    this.#check(signal); // time has passed
    const { origin, path } = this.#url;
    const { body } = request;
    const exchange = new Exchange();
    const abort = () => exchange.abort(abortion(signal.reason));
    signal.addEventListener('abort', abort);
    this.#underWay.add(exchange);
    try {
      exchange.start(dispatcher, {
        origin,
        path,
        method: 'POST',
        headers: this.#fixed.concat(...made, ...(request.headers ?? NONE)),
        body: typeof body === 'string' ? Buffer.from(body) : body,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const reply = await exchange.reply;
      if (reply.status < 300) return reply;
      throw this.#refusal(reply, made);
    } catch (error) {
      throw error instanceof SinkError ? error : this.#failure(error, made);
    } finally {
      signal.removeEventListener('abort', abort);
      this.#underWay.delete(exchange);
    }
  }

  quote(said: Uint8Array | string): string {
    return quote(said, this.#secrets);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const closed = this.#closed();
    this.#closing.abort(closed);
    for (const exchange of this.#underWay) exchange.abort(closed);
    const own = await this.#opening?.catch(() => undefined);
    await own?.destroy(closed);
  }

  /** @throws {SinkError} when there is nothing to be sent any more. */
  #check(signal: AbortSignal): void {
    if (this.#closing.signal.aborted) throw this.#closed();
    if (signal.aborted) throw abortion(signal.reason);
  }

  #closed(): SinkError {
    return new SinkError('sink', `${this.#sink} is closed`);
  }

  async #open(): Promise<HttpDispatcher> {
    this.#opening ??= openPool(this.#sink, this.#url.origin, this.#connections);
    try {
      this.#dispatcher = await this.#opening;
      return this.#dispatcher;
    } catch (error) {
      this.#opening = undefined; // it may be installed by the next attempt
      throw error;
    }
  }

  /** Asks the functions among the headers. */
  async #make(signal: AbortSignal): Promise<HeaderPair[]> {
    const work = Promise.all(
      this.#made.map(async ([name, make]): Promise<HeaderPair> => {
        const value = await this.#ask(name, make);
        if (isHeaderValue(value)) return [name, value];
        throw this.#headerFailure(name, 'returned what no header can carry');
      }),
    );
    return untilAborted(work, AbortSignal.any([signal, this.#closing.signal]));
  }

  async #ask(name: string, make: () => string | Promise<string>): Promise<unknown> {
    try {
      return await make();
    } catch (error) {
      throw this.#headerFailure(name, 'failed', error); // its message may hold a secret
    }
  }

  #headerFailure(name: string, what: string, cause?: unknown): SinkError {
    const message = `${this.#sink}: the function that makes the header ${name} ${what}`;
    return new SinkError('transient', message, { cause });
  }

  #refusal(reply: HttpReply, made: readonly HeaderPair[]): SinkError {
    const { status, headers, body } = reply;
    const secrets = [...this.#secrets, ...secretsOf(made)];
    const said = quote(body, secrets);
    const fault = faultOfStatus(status);
    return new SinkError(
      fault,
      `${this.#url.origin} answered ${describeStatus(status)}${said === '' ? '' : `: ${said}`}`,
      fault === 'transient'
        ? { retryAfterMs: parseRetryAfter(headers['retry-after'], this.#clock.now()) }
        : {},
    );
  }

  #failure(error: unknown, made: readonly HeaderPair[]): SinkError {
    const said = quote(textOfError(error), [...this.#secrets, ...secretsOf(made)]);
    return new SinkError(faultOfError(error), `${this.#url.origin}: ${said}`, { cause: error });
  }
}

const NONE: readonly HeaderPair[] = [];

function authorization(sink: string, url: HttpUrl, headers: HeaderSet): HeaderPair[] {
  if (url.authorization === undefined) return [];
  if ([...headers.fixed, ...headers.made].some(([name]) => name === 'authorization')) {
    throw invalidOption(
      `${sink}.url`,
      'has credentials, and there is a header authorization: which of them counts?',
    );
  }
  return [['authorization', url.authorization]];
}

function abortion(reason: unknown): SinkError {
  return reason instanceof SinkError
    ? reason
    : new SinkError('transient', messageOf(reason), { cause: reason });
}

/** The promise, or a rejection as soon as the signal is aborted: a token's function may hang. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortion(signal.reason));
    signal.addEventListener('abort', abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
}
