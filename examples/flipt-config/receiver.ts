import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** In the place of the sample's server: it keeps what is posted. */
export interface Receiver {
  readonly url: string;
  /** What came since the last call. */
  take(): string[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  let bodies: string[] = [];
  const server = createServer(async (request, response) => {
    bodies.push((await text(request)).replaceAll(/\s*\n\s*/g, ' ').trim());
    response.writeHead(200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = bodies;
      bodies = [];
      return taken;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
