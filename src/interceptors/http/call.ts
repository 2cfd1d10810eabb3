import type { Outcome } from '../outcome.js';

/** A call that has ended, as routes, payloads and actors get to see it. */
export interface HttpCall {
  readonly method: string;
  /** The path as it came, without the query; anybody's. */
  readonly path: string;
  /** The route as it was written: `PUT /flags/:key`. */
  readonly route: string;
  /** What stood in the path for each `:name`, percent-decoded; anybody's. */
  readonly params: { readonly [name: string]: string };
  /** The client's address by `trustProxy`. */
  readonly ip: string | undefined;
  readonly outcome: Outcome;
  /** The HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
  /** Whether the client was gone before its answer was whole. */
  readonly hungUp: boolean;
  /** What the handler threw, where the framework tells. */
  readonly error: unknown;
  /**
   * The body that the route's `body` names: what JSON says, or a text of another kind; undefined for an
   * empty one. In its place `{ omitted: reason }` if it is too large, compressed or was not whole.
   */
  readonly body: unknown;
}
