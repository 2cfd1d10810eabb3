import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';
import type { Exchange } from './exchange.js';

/** A listener of a `node:http` server. */
export type Listener<Result> = (request: IncomingMessage, response: ServerResponse) => Result;

/**
 * Wraps a server's listener, so that what it throws or rejects with is heard of, and passed on.
 *
 * @param watch begins to watch a call, if it is one to audit
 */
export function auditListener<Result>(
  watch: (request: IncomingMessage, response: ServerResponse) => Exchange | undefined,
  listener: Listener<Result>,
): Listener<Result> {
  // What else it is called with is passed on: an app that stands as middleware in another one gets `next`.
  return function (this: unknown, ...given: [IncomingMessage, ServerResponse, ...unknown[]]) {
    const exchange = watch(given[0], given[1]);
    if (exchange === undefined) return Reflect.apply(listener, this, given);
    let result: Result;
    try {
      result = Reflect.apply(listener, this, given);
    } catch (error) {
      exchange.threw(error);
      throw error;
    }
    if (!types.isPromise(result)) return result;
    return result.then(
      (value) => {
        exchange.finished();
        return value;
      },
      (error) => {
        exchange.threw(error);
        throw error;
      },
    ) as Result;
  };
}
