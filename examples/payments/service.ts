import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { auditHttp } from 'otel-audit/interceptors/http';

export interface Payments {
  readonly url: string;
  /** How much has left the house, in cents. */
  spent(): number;
  stop(): Promise<void>;
}

/** Who pays waits no longer for a full disk to have room again. */
const TIMEOUT_MS = 500;

interface Payment {
  readonly to: string;
  readonly cents: number;
  readonly text: string;
}

/** Payments over HTTP. Nothing is paid that is not in the ledger first, and nothing answered that is not either. */
export async function startPayments(ledger: string): Promise<Payments> {
  // The ledger alone is an audit log; sinks may stand beside it.
  const exporter = new SinkSpanExporter({ ledger, sinks: {}, onError: () => {} });
  let spent = 0;

  async function pay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const user = request.headers.authorization?.replace(/^Bearer /, '');
    if (user === undefined) return answer(response, 401, { error: 'who are you?' });
    const payment = readPayment(await json(request).catch(() => undefined));
    if (payment === undefined) return answer(response, 400, { error: 'to and cents, please' });
    try {
      // Before the money moves: that it is going to. Here the interceptor, which comes after, would be late.
      const actor = { name: user };
      const order = createEvent({ type: 'payment', action: 'ordered', actor, payload: payment });
      await exporter.sendAudits([order], { timeoutMs: TIMEOUT_MS });
    } catch {
      return answer(response, 503, { error: 'not paid, try again later' });
    }
    spent += payment.cents;
    answer(response, 201, { ...payment, spent });
  }

  const server = createServer(
    auditHttp(
      {
        routes: {
          'POST /payments': { event: 'payment:made', body: 'response', payload: ['to', 'cents'] },
        },
        actor: ({ request }) => ({ name: request.headers.authorization?.replace(/^Bearer /, '') }),
        failures: true, // an order that was not carried out
        durable: true, // the answer leaves when the event is in the ledger, or 503 does
        sender: exporter,
        timeoutMs: TIMEOUT_MS,
      },
      pay,
    ),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/payments`,
    spent: () => spent,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await exporter.shutdown();
    },
  };
}

/** From a request's body, which is anybody's. */
function readPayment(body: unknown): Payment | undefined {
  const { to, cents, text = '' } = (body ?? {}) as { [member in keyof Payment]?: unknown };
  if (typeof to !== 'string' || !/^[A-Z\d]{4,34}$/.test(to)) return undefined;
  if (!Number.isSafeInteger(cents) || (cents as number) <= 0) return undefined;
  if (typeof text !== 'string' || text.length > 500) return undefined;
  return { to, cents: cents as number, text };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
