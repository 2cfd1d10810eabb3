import { type Clock, systemClock } from '../clock.js';
import { messageOf } from '../errors.js';
import { SinkError } from '../sink.js';
import { Exchange, type HttpReply } from './exchange.js';
import { Group } from './group.js';
import { type HeaderPair, type HeaderSet, makeHeaders, secretsOf } from './headers.js';
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
  /** Names in lower case, each followed by its value; checked, and none of the client's own. */
  readonly headers?: readonly string[];
}

/** Makes one attempt, as {@link HttpClient.send} does. */
export type Send = (request: HttpRequest) => Promise<HttpReply>;

/** Sends requests to one URL, an attempt each. */
export interface HttpClient {
  /**
   * Makes one attempt and resolves for a complete 2xx. Never retries, never follows a redirect.
   *
   * @throws {SinkError} saying whose fault it is and what the far side said; `transient` when aborted.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
  /** For many requests that end with one signal: it is listened to once, while `work` is under way. */
  during<Result>(signal: AbortSignal, work: (send: Send) => Promise<Result>): Promise<Result>;
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
  readonly #groups = new Set<Group>();
  #dispatcher: HttpDispatcher | undefined;
  #opening: Promise<OwnDispatcher> | undefined;
  #closed: SinkError | undefined;

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

  send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    return this.during(signal, (send) => send(request));
  }

  async during<Result>(
    signal: AbortSignal,
    work: (send: Send) => Promise<Result>,
  ): Promise<Result> {
    const group = new Group();
    const abort = () => group.end(abortion(signal.reason));
    if (this.#closed !== undefined) group.end(this.#closed);
    else if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    this.#groups.add(group);
    try {
      return await work((request) => this.#send(request, group));
    } finally {
      signal.removeEventListener('abort', abort);
      this.#groups.delete(group);
    }
  }

  quote(said: Uint8Array | string): string {
    return quote(said, this.#secrets);
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = new SinkError('sink', `${this.#sink} is closed`);
    for (const group of this.#groups) group.end(this.#closed);
    const own = await this.#opening?.catch(() => undefined);
    await own?.destroy(this.#closed);
  }

  #send(request: HttpRequest, group: Group): Promise<HttpReply> {
    if (this.#dispatcher === undefined || this.#made.length > 0) {
      return this.#prepare(request, group);
    }
    return this.#exchange(this.#dispatcher, request, NONE, group);
  }

  /** First what must be awaited: undici itself, headers that expire. */
  async #prepare(request: HttpRequest, group: Group): Promise<HttpReply> {
    if (group.reason !== undefined) throw group.reason;
    const dispatcher = this.#dispatcher ?? (await this.#open());
    const made = await group.untilEnd(makeHeaders(this.#sink, this.#made));
    return this.#exchange(dispatcher, request, made, group);
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

  #exchange(
    dispatcher: HttpDispatcher,
    { body, headers = [] }: HttpRequest,
    made: readonly HeaderPair[],
    group: Group,
  ): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      if (group.reason !== undefined) throw group.reason; // time may have passed
      const exchange: Exchange = new Exchange((reply, error) => {
        group.delete(exchange);
        if (reply === undefined) reject(this.#failure(error, made));
        else if (reply.status < 300) resolve(reply);
        else reject(this.#refusal(reply, made));
      });
      group.add(exchange);
      const fixed = made.length === 0 ? this.#fixed : this.#fixed.concat(...made);
      exchange.start(dispatcher, {
        origin: this.#url.origin,
        path: this.#url.path,
        method: 'POST',
        headers: fixed.concat(headers),
        body: typeof body === 'string' ? Buffer.from(body) : body,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    });
  }

  #refusal({ status, headers, body }: HttpReply, made: readonly HeaderPair[]): SinkError {
    const said = quote(body, [...this.#secrets, ...secretsOf(made)]);
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
    if (error instanceof SinkError) return error; // it was ended
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
