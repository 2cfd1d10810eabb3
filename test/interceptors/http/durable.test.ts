import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import { describe, expect, it } from '@jest/globals';
import compression from 'compression';
import express from 'express';
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { AuditError } from '../../../src/errors.js';
import type { AuditEvent } from '../../../src/event/event.js';
import { auditExpress } from '../../../src/interceptors/express.js';
import { auditHono } from '../../../src/interceptors/hono.js';
import { auditHttp } from '../../../src/interceptors/http.js';
import { diagLog } from '../../support/diag-log.js';
import { type AnyOptions, type Framework, frameworks } from './frameworks.js';
import { brief, httpRig, post } from './rig.js';

const log = diagLog();
const rig = httpRig();

/** A sender whose receipts come when the test says so. */
function heldSender() {
  const sent: AuditEvent[] = [];
  let settle: (error?: Error) => void = () => {};
  let onSend: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    onSend = resolve;
  });
  const receipt = new Promise<null[]>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve([null]) : reject(error));
  });
  return {
    sent,
    asked,
    settle,
    sender: {
      sendAudits(events: readonly AuditEvent[]) {
        sent.push(...events);
        onSend();
        return receipt;
      },
    },
  };
}

const full = new AuditError('ledger-unavailable', 'the disk is full');
const refusing = { sendAudits: () => Promise.reject(full) };
const accepting = { sendAudits: async () => [null] };

const routes: AnyOptions['routes'] = {
  'POST /flags': { event: 'flag:create', body: 'response', payload: ['key', 'id'] },
  'GET /flags/:key': 'flag:read',
  'POST /status/:status': 'thing:change',
  'POST /late/:status': 'thing:come',
  'GET /stream': 'report:read',
};

/** Everything that has come on a connection, and the end of it. */
async function readRaw(url: string, path: string, method = 'GET') {
  const response = await fetch(`${url}${path}`, { method });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

it('tells that it refused, and why, but once a burst', async () => {
  const { url } = await rig.start(frameworks.Hono!, { routes, durable: true, sender: refusing });
  for (let n = 0; n < 2; n += 1) await readRaw(url, '/status/201', 'POST');
  expect(log.lines).toEqual([
    'error otel-audit: an HTTP answer was refused with 503, for it could not be audited: the disk is full',
  ]);
});

describe.each(Object.entries(frameworks))('%s, durably', (_name, framework) => {
  it('holds head and body back until there is a receipt', async () => {
    const { sender, asked, settle, sent } = heldSender();
    const running = await rig.start(framework, { routes, durable: true, sender });
    const body = JSON.stringify({ key: 'a' });
    const socket = await running.raw(
      `POST /flags HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    await asked;
    await running.settled();
    expect(received).toBe('');
    settle();
    await once(socket, 'close');
    expect(received).toMatch(/^HTTP\/1.1 201 Created\r\n/);
    expect(received).toContain('"id":7');
    expect(sent.map(brief)).toEqual(['flag:created success {"key":"a","id":7}']);
  });

  it.each(['POST', 'GET', 'HEAD'])(
    'answers 503 to %s where there is no receipt',
    async (method) => {
      const { url } = await rig.start(framework, { routes, durable: true, sender: refusing });
      const path = method === 'POST' ? '/status/201' : '/flags/a';
      const { status, headers, text } = await readRaw(url, path, method);
      expect([status, text]).toEqual([
        503,
        method === 'HEAD' ? '' : '{"error":"the audit log is not available"}',
      ]);
      expect(headers.get('content-length')).toBe('42');
    },
  );

  it('refuses what is denied, too', async () => {
    const { url } = await rig.start(framework, { routes, durable: true, sender: refusing });
    expect((await readRaw(url, '/status/403', 'POST')).status).toBe(503);
  });

  it('waits for nothing where there is nothing to record', async () => {
    const { url } = await rig.start(framework, { routes, durable: true, sender: refusing });
    expect((await readRaw(url, '/status/409', 'POST')).status).toBe(409);
    expect((await readRaw(url, '/elsewhere')).status).toBe(404);
    const checked = await rig.start(framework, {
      routes,
      durable: true,
      sender: refusing,
      checker: { check: (pair) => pair !== 'thing:change', events: () => [] },
    });
    expect((await readRaw(checked.url, '/status/201', 'POST')).status).toBe(201);
  });

  it('answers 503 where the checker fails', async () => {
    const checker = {
      check: () => {
        throw new Error('no');
      },
      events: () => [],
    };
    const { url } = await rig.start(framework, {
      routes,
      durable: true,
      sender: accepting,
      checker,
    });
    expect((await readRaw(url, '/status/201', 'POST')).status).toBe(503);
  });

  it('keeps the connection, whether it answers or refuses', async () => {
    let count = 0;
    const sender = {
      sendAudits: async () => {
        count += 1;
        if (count === 2) throw full;
        return [null];
      },
    };
    const running = await rig.start(framework, { routes, durable: true, sender });
    const socket = await running.raw(
      post('/status/200') + post('/status/201') + post('/status/202', 'connection: close\r\n'),
    );
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    await once(socket, 'close');
    expect([...received.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      '200',
      '503',
      '202',
    ]);
  });

  it('holds a stream at its first byte, then lets it flow', async () => {
    const { sender, asked, settle, sent } = heldSender();
    const running = await rig.start(framework, { routes, durable: true, sender });
    const response = fetch(`${running.url}/stream`);
    await asked;
    settle();
    running.stage.release();
    expect(await (await response).text()).toBe('first second');
    expect(sent.map(brief)).toEqual(['report:read success']);
  });

  it('answers 503 in place of a stream', async () => {
    const running = await rig.start(framework, { routes, durable: true, sender: refusing });
    const { status } = await readRaw(running.url, '/stream');
    running.stage.release();
    expect(status).toBe(503);
    await running.settled();
  });

  it('records a client that has gone before the answer', async () => {
    const { sender, asked, sent, settle } = heldSender();
    const running = await rig.start(framework, { routes, durable: true, sender });
    const socket = await running.raw(post('/late/201'));
    await running.stage.waiting;
    const closed = running.nextClose();
    socket.destroy();
    await closed;
    running.stage.release();
    await asked;
    settle();
    await running.settled();
    expect(sent.map(brief)).toEqual(['thing:come success']);
  });

  it('leaves the event in the ledger by the time that the answer is there', async () => {
    const { url } = await rig.start(framework, { routes, durable: true, sender: rig.exporter });
    expect((await readRaw(url, '/status/201', 'POST')).status).toBe(201);
    expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
  });
});

describe('an answer that is held back', () => {
  const start = (listener: (response: ServerResponse) => unknown, sender: AnyOptions['sender']) =>
    rig.start(
      async (options) => createServer(auditHttp(options, (_, response) => void listener(response))),
      { routes: { '* /*': 'thing:do' }, durable: true, sender },
    );

  it('looks to the handler as if it were sent', async () => {
    const { sender, asked, settle } = heldSender();
    const seen: unknown[] = [];
    const { url } = await start((response) => {
      response.setHeader('x-first', '1');
      response.end('done');
      seen.push(response.headersSent, response.writableEnded, response.getHeader('x-first'));
      try {
        response.setHeader('x-late', '1');
      } catch (error) {
        seen.push((error as NodeJS.ErrnoException).code);
      }
      response.statusCode = 500; // too late as well
      response.end('twice');
    }, sender);
    const answer = readRaw(url, '/');
    await asked;
    settle();
    const { status, headers, text } = await answer;
    expect([status, headers.get('x-first'), headers.get('x-late'), text]).toEqual([
      200,
      '1',
      null,
      'done',
    ]);
    expect(seen).toEqual([true, true, '1', 'ERR_HTTP_HEADERS_SENT']);
  });

  it('makes a stream wait, and go on with drain', async () => {
    const { sender, asked, settle } = heldSender();
    let pulled = 0;
    const source = () =>
      Readable.from(
        (function* () {
          for (; pulled < 1000; pulled += 1) yield Buffer.alloc(1024, 97);
        })(),
      );
    const { url } = await start((response) => pipeline(source(), response), sender);
    const answer = readRaw(url, '/');
    await asked;
    await new Promise(setImmediate);
    expect(pulled).toBeLessThan(100);
    settle();
    expect((await answer).text).toHaveLength(1_024_000);
  });

  it('tells the source of a stream that it was refused', async () => {
    let failed: Promise<unknown> = Promise.resolve();
    const { url } = await start((response) => {
      const source = Readable.from(
        (async function* () {
          for (;;) yield 'more';
        })(),
      );
      failed = pipeline(source, response).then(
        () => 'through',
        () => source.destroyed,
      );
    }, refusing);
    expect((await readRaw(url, '/')).status).toBe(503);
    expect(await failed).toBe(true);
  });

  it('calls back what was to be called when the answer is out, or is refused', async () => {
    const calls: unknown[] = [];
    const listener = (response: ServerResponse) => {
      response.write('a', (error) => calls.push(error?.message));
      response.end('b', () => calls.push('end'));
    };
    const fine = await start(listener, accepting);
    expect((await readRaw(fine.url, '/')).text).toBe('ab');
    expect(calls).toEqual([undefined, 'end']);
    const refused = await start(listener, refusing);
    expect((await readRaw(refused.url, '/')).status).toBe(503);
    expect(calls).toEqual([undefined, 'end', expect.stringContaining('refused'), 'end']);
  });

  it('keeps what a browser needs of the headers, and nothing else', async () => {
    const { url } = await start((response) => {
      response.setHeader('access-control-allow-origin', 'https://app.example');
      response.setHeader('set-cookie', 'session=s3cret');
      response.setHeader('etag', '"1"');
      response.writeHead(201, 'Made', { location: '/flags/a', 'content-length': 4 });
      response.end('done');
    }, refusing);
    const { status, headers, text } = await readRaw(url, '/');
    expect([status, text]).toEqual([503, '{"error":"the audit log is not available"}']);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('cache-control')).toBe('no-store');
    for (const name of ['set-cookie', 'etag', 'location']) expect(headers.get(name)).toBeNull();
  });

  it('keeps trailers, a reason and a flushed head', async () => {
    const running = await start((response) => {
      response.writeHead(201, 'Made', { trailer: 'x-sum' });
      response.flushHeaders();
      response.write('body');
      response.addTrailers({ 'x-sum': '42' });
      response.end();
    }, accepting);
    const socket = await running.raw('GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    await once(socket, 'close');
    expect(received).toMatch(/^HTTP\/1.1 201 Made\r\n/);
    expect(received).toMatch(/4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n$/);
  });

  it('is broken off where what was held cannot be sent', async () => {
    const { url } = await start((response) => {
      response.writeHead(200, { 'x-bad': 'a\nb' });
      response.end('done');
    }, accepting);
    await expect(readRaw(url, '/')).rejects.toThrow();
    expect(log.lines.join()).toContain('cannot be sent');
  });

  it.each<[string, Framework]>([
    [
      'compression before the audit',
      async (options) => {
        const app = express()
          .use(compression({ threshold: 0 }))
          .use(auditExpress(options));
        app.get('/', (_, response) => void response.json({ text: 'x'.repeat(1000) }));
        return createServer(app);
      },
    ],
    [
      'compression after the audit',
      async (options) => {
        const app = express()
          .use(auditExpress(options))
          .use(compression({ threshold: 0 }));
        app.get('/', (_, response) => void response.json({ text: 'x'.repeat(1000) }));
        return createServer(app);
      },
    ],
    [
      "Hono's compression",
      async (options) => {
        const app = new Hono().use(auditHono(options)).use(compress());
        app.get('/', (context) => context.json({ text: 'x'.repeat(2000) }));
        return createServer(getRequestListener(app.fetch));
      },
    ],
    [
      'a stream through gzip',
      async (options) =>
        createServer(
          auditHttp(options, (_, response) => {
            response.writeHead(200, { 'content-encoding': 'gzip' });
            pipeline(Readable.from(['x'.repeat(1000)]), createGzip(), response).catch(() => {});
          }),
        ),
    ],
  ])('goes through %s, and so does the refusal', async (_name, framework) => {
    const options = { routes: { 'GET /': 'thing:do' }, durable: true } as const;
    const fine = await rig.start(framework, { ...options, sender: accepting });
    const response = await fetch(fine.url, { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toContain('x'.repeat(1000));
    const refused = await rig.start(framework, { ...options, sender: refusing });
    const { status, text } = await readRaw(refused.url, '/');
    expect([status, text]).toEqual([503, '{"error":"the audit log is not available"}']);
  });
});
