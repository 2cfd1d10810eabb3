import { SinkError } from '../sink.js';

/**
 * What sends the requests: a `Dispatcher` of undici 7 or 8, such as `Agent`, `Pool` or `ProxyAgent`, with a
 * custom CA, a client certificate or a proxy. It is used and not closed.
 */
export interface HttpDispatcher {
  dispatch(options: object, handler: object): boolean;
}

/** One of ours, which we close. */
export interface OwnDispatcher extends HttpDispatcher {
  destroy(error: Error): Promise<void>;
}

/**
 * A pool of keep-alive connections. undici is an optional peer, so it is loaded when first needed.
 *
 * @throws {SinkError} `sink`, naming the package to install.
 */
export async function openPool(
  sink: string,
  origin: string,
  connections: number,
): Promise<OwnDispatcher> {
  const { Pool } = await loadUndici(sink);
  return new Pool(origin, { connections });
}

async function loadUndici(sink: string): Promise<typeof import('undici')> {
  try {
    return await import('undici');
  } catch (error) {
    throw new SinkError(
      'sink',
      `${sink} needs the package undici, which cannot be loaded: npm install undici, undici@7 for Node below 22.19`,
      { cause: error },
    );
  }
}
