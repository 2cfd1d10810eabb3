import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import type { AuditEvent } from '../../../src/event/event.js';
import { auditFastify } from '../../../src/interceptors/fastify.js';
import { brief, play } from './rig.js';

let events: string[] = [];
let isRefusing = false;
let onEvent: () => void = () => {};
const sender = {
  async sendAudits(given: readonly AuditEvent[]) {
    if (isRefusing) throw new Error('no');
    events.push(...given.map(brief));
    onEvent();
    return given.map(() => null);
  },
};

describe.each([false, true])('Fastify over HTTP/2, durable: %s', (durable) => {
  let app: FastifyInstance;
  let client: ClientHttp2Session;
  const stage = play();

  beforeEach(async () => {
    events = [];
    isRefusing = false;
    const server = fastify({ http2: true });
    await server.register(
      auditFastify({
        routes: {
          'POST /flags': { event: 'flag:create', body: 'response', payload: ['id'] },
          'GET /denied': 'thing:read',
          'POST /late': 'thing:come',
        },
        sender,
        durable,
      }),
    );
    server.post('/flags', async (_, reply) => reply.code(201).send({ id: 7 }));
    server.get('/denied', async (_, reply) => reply.code(403).send({}));
    server.post('/late', async () => {
      stage.entered();
      await stage.go;
      return {};
    });
    client = connect(await server.listen({ port: 0, host: '127.0.0.1' }));
    app = server as unknown as FastifyInstance;
  });
  afterEach(async () => {
    client.close();
    await app.close();
  });

  async function ask(method: string, path: string) {
    const stream = client.request({ ':method': method, ':path': path });
    stream.end();
    const [headers] = await once(stream, 'response');
    return [headers[':status'], await text(stream)];
  }

  it('records what was done and what was denied', async () => {
    expect(await ask('POST', '/flags')).toEqual([201, '{"id":7}']);
    expect(await ask('HEAD', '/denied')).toEqual([403, '']);
    expect(events).toEqual(['flag:created success {"id":7}', 'thing:read denied']);
  });

  it('answers 503 only where it must wait for a receipt', async () => {
    isRefusing = true;
    const refusal = [503, '{"error":"the audit log is not available"}'];
    expect(await ask('POST', '/flags')).toEqual(durable ? refusal : [201, '{"id":7}']);
    expect(await ask('HEAD', '/denied')).toEqual([durable ? 503 : 403, '']);
  });

  it('records the answer to a client that has gone', async () => {
    const stream = client.request({ ':method': 'POST', ':path': '/late' });
    stream.end();
    await stage.waiting;
    const recorded = new Promise<void>((resolve) => {
      onEvent = resolve;
    });
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
    stage.release();
    await recorded;
    expect(events).toEqual(['thing:come success']);
  });
});
