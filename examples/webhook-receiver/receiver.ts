import { createServer, type IncomingMessage, type Server } from 'node:http';
import {
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookEvent,
  WebhookVerificationError,
} from 'otel-audit/sinks/webhook';

const MAX_BODY_BYTES = 4 * 1024 * 1024; // a lane's batch is 1 MiB unless an event is larger
const MAX_REMEMBERED_IDS = 100_000;

/** A server that takes audit events whose signature holds, each of them once. */
export function createReceiver(
  secrets: Pick<VerifyWebhookOptions, 'standardWebhooks' | 'signingSecret'>,
  store: (event: WebhookEvent, id: string | undefined) => void,
): Server {
  const seen = new Set<string>();

  return createServer(async (request, response) => {
    const reply = (status: number, text = '') => response.writeHead(status).end(text);
    if (request.method !== 'POST') return reply(405);
    try {
      const body = await readBody(request);
      if (body === undefined) return reply(413);
      const { id, events } = verifyWebhook({ headers: request.headers, body }, secrets);
      for (const event of events) {
        const eventId = event.id ?? id; // a member of a batch carries its own
        if (eventId !== undefined && !isNew(seen, eventId)) continue; // delivery is at least once
        store(event, eventId);
      }
      return reply(204); // only now: what is answered with 2xx is never sent again
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) {
        console.error(error);
        return reply(500); // the sender tries again
      }
      console.error(`refused: ${error.message}`);
      return reply(error.fault === 'invalid-body' ? 400 : 401, error.message);
    }
  });
}

/** The body as it came, which is what was signed; undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return length <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

/** A real receiver remembers ids where it stores the events, for longer than senders try. */
function isNew(seen: Set<string>, id: string): boolean {
  if (seen.has(id)) return false;
  if (seen.size >= MAX_REMEMBERED_IDS) {
    const [oldest] = seen;
    seen.delete(oldest!);
  }
  seen.add(id);
  return true;
}
