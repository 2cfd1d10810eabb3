import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';

/** A request as the far side saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the far side does with a request. */
export type Answer = (response: ServerResponse, seen: Seen, request: IncomingMessage) => void;

/** A real HTTP server on the loopback, scripted by a test. */
export interface FarSide {
  readonly url: string;
  /** What arrived, in the order in which its bodies were complete. */
  readonly seen: Seen[];
  /** How many connections were opened. */
  readonly connections: number;
  /** Those that are open. */
  readonly open: Set<Socket>;
  answer: Answer;
  close(): Promise<void>;
}

/** A status and a reply. */
export const answer =
  (status: number, body = '', headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

/** Starts one that answers 200 until it is told otherwise. */
export async function farSide(tls?: TlsOptions): Promise<FarSide> {
  const seen: Seen[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the client went away
    }
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
    seen.push(one);
    side.answer(response, one, request);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.keepAliveTimeout = 600_000; // connections go when somebody ends them
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const side: FarSide = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    open,
    get connections() {
      return connections;
    },
    answer: answer(200),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return side;
}
