import type { ServerResponse } from 'node:http';
import { types } from 'node:util';
import { tellFault } from '../record.js';
import { REFUSAL, REFUSAL_HEADERS, tellRefusal } from './refusal.js';

type Operation = readonly [method: 'write' | 'end' | 'flushHeaders', given: readonly unknown[]];

const HEAD_IS_OUT = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'];
/** Of the answer that was refused, what a browser needs to read the one that takes its place. */
const KEPT_HEADERS = /^(?:access-control-.*|vary|connection)$/;

/**
 * Holds an answer back, head and body, from its first byte on until `commit` resolves; then it goes out
 * as it was. If `commit` rejects, 503 goes out in its place. To the handler everything looks as if it were sent:
 * `headersSent` and `writableEnded` are true, a header can no longer be set, and `write` says to wait for
 * `drain`, so that a stream is held at its source.
 *
 * @param commit called once; undefined where there is nothing to wait for
 */
export function holdAnswer(response: ServerResponse, commit: () => void | Promise<void>): void {
  const { writeHead, write, end, flushHeaders } = response;
  const below = { write, end, flushHeaders };
  const pretence = new Pretence(response);
  let state: 'open' | 'held' | 'free' | 'refused' = 'open';
  /** What `writeHead` was given; from Node's own on the status would be certain. */
  let head: readonly unknown[] | undefined;
  let held: Operation[] = [];
  let hasEnded = false;

  const begin = (): typeof state => {
    state = 'held';
    const committing = commit();
    if (committing === undefined) {
      release();
      return state;
    }
    const { statusCode } = response;
    const statusMessage = reasonOf(response);
    pretence.begin('headersSent', () => true);
    pretence.begin('writableEnded', () => hasEnded);
    for (const method of HEAD_IS_OUT) pretence.begin(method, () => refuseHeader);
    committing.then(() => {
      if (response.statusCode !== statusCode) response.statusCode = statusCode;
      if (reasonOf(response) !== statusMessage) response.statusMessage = statusMessage;
      release();
    }, refuse);
    return state;
  };
  const take = (): Operation[] => {
    pretence.end();
    const operations = held;
    held = [];
    return operations;
  };
  const release = (): void => {
    state = 'free';
    const operations = take();
    try {
      if (head !== undefined) Reflect.apply(writeHead, response, head);
      let mustTellDrain = false;
      for (const [method, given] of operations) {
        const result: unknown = Reflect.apply(below[method], response, given);
        if (method !== 'flushHeaders') mustTellDrain = method === 'write' && result !== false;
      }
      if (mustTellDrain) response.emit('drain'); // else Node does, or there is no more to come
    } catch (error) {
      tellFault('an HTTP answer that was held back cannot be sent', error);
      response.destroy();
    }
  };
  const refuse = (reason: unknown): void => {
    state = 'free'; // end() may call write(), as HTTP/2's does
    tellRefusal(reason);
    const operations = take();
    try {
      for (const name of response.getHeaderNames()) {
        if (!KEPT_HEADERS.test(name)) response.removeHeader(name);
      }
      if (reasonOf(response)) response.statusMessage = '';
      Reflect.apply(writeHead, response, [503, REFUSAL_HEADERS]);
      Reflect.apply(end, response, response.req?.method === 'HEAD' ? [] : [REFUSAL]);
    } catch (error) {
      tellFault('an HTTP answer that could not be audited was broken off', error);
      response.destroy();
    }
    state = 'refused';
    for (const [, given] of operations) callBack(given);
  };

  response.writeHead = function (this: ServerResponse, ...given: unknown[]) {
    if (state === 'free' || !isStatus(given[0])) return Reflect.apply(writeHead, response, given);
    if (state === 'open') {
      head = given;
      response.statusCode = given[0];
      pretence.begin('headersSent', () => true);
    }
    return response;
  } as ServerResponse['writeHead'];

  const intercept = (method: Operation[0]) =>
    function (this: ServerResponse, ...given: unknown[]): unknown {
      const isSent =
        state === 'free' || !isChunk(given[0]) || (state === 'open' && begin() === 'free');
      if (isSent) return Reflect.apply(below[method], response, given);
      if (state === 'refused' || hasEnded) callBack(given);
      else held.push([method, given]);
      if (method === 'end') hasEnded = true;
      return method === 'end' ? response : false;
    };
  response.write = intercept('write') as ServerResponse['write'];
  response.end = intercept('end') as ServerResponse['end'];
  response.flushHeaders = intercept('flushHeaders') as ServerResponse['flushHeaders'];
}

/** Properties of an answer that say for a while what is not so yet. */
class Pretence {
  readonly #response: ServerResponse;
  readonly #before = new Map<string, PropertyDescriptor | undefined>();

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  begin(property: string, get: () => unknown): void {
    if (this.#before.has(property)) return;
    this.#before.set(property, Object.getOwnPropertyDescriptor(this.#response, property));
    Object.defineProperty(this.#response, property, { configurable: true, enumerable: true, get });
  }

  end(): void {
    for (const [property, before] of this.#before) {
      if (before === undefined) Reflect.deleteProperty(this.#response, property);
      else Object.defineProperty(this.#response, property, before);
    }
    this.#before.clear();
  }
}

/** HTTP/2 has none, and warns of who asks. */
const reasonOf = (response: ServerResponse): string =>
  (response.req?.httpVersionMajor ?? 1) < 2 ? response.statusMessage : '';

const isStatus = (code: unknown): code is number =>
  Number.isInteger(code) && (code as number) >= 100 && (code as number) <= 999;

/** What Node would not take it refuses at once, as long as the handler can be told. */
const isChunk = (chunk: unknown): boolean =>
  chunk === undefined ||
  chunk === null ||
  typeof chunk === 'string' ||
  typeof chunk === 'function' ||
  types.isUint8Array(chunk);

function callBack(given: readonly unknown[]): void {
  const callback = given.findLast((one) => typeof one === 'function');
  if (callback !== undefined) {
    process.nextTick(
      callback as () => void,
      new Error('the answer was refused, for it could not be audited'),
    );
  }
}

/** What Node says to a header that comes too late. */
function refuseHeader(): never {
  throw Object.assign(new Error('Cannot set headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}
