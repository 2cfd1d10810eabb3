import { createServer, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { auditExpress } from '../../../src/interceptors/express.js';
import { auditFastify } from '../../../src/interceptors/fastify.js';
import { auditHono } from '../../../src/interceptors/hono.js';
import { auditHttp, type HttpAuditOptions, type HttpCall } from '../../../src/interceptors/http.js';

/** What the four servers let happen when the test says so. */
export interface Stage {
  /** Told once a handler runs that waits. */
  entered(): void;
  /** What it waits for. */
  readonly go: Promise<void>;
  /** A body in two parts, with a wait between. */
  parts(): AsyncIterable<Uint8Array>;
}

/** Options that any of the frameworks takes. */
export type AnyOptions = HttpAuditOptions<HttpCall>;

/** An audited service, the same in each framework, not yet listening. */
export type Framework = (options: AnyOptions, stage: Stage) => Promise<Server>;

const made = (body: unknown) => ({ ...(body as object), id: 7, token: 's3cret' });

const node: Framework = async (options, stage) =>
  createServer(
    auditHttp(options, async (request, response) => {
      const answer = (status: number, body?: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      };
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      const [, first, second] = pathname.split('/');
      switch (first) {
        case 'flags':
          if (request.method === 'POST') return answer(201, made(await json(request)));
          if (request.method === 'GET') return answer(200, [{ key: second }]);
          return answer(204);
        case 'status':
          return answer(Number(second), { error: second });
        case 'throws':
          answer(500);
          return;
        case 'late':
          stage.entered();
          await stage.go;
          return answer(Number(second), { late: true });
        case 'never':
          return stage.entered();
        case 'stream':
        case 'torn': {
          response.writeHead(200, { 'content-type': 'text/plain' });
          const body = Readable.from(stage.parts());
          body.on('error', () => response.destroy());
          response.on('close', () => body.destroy());
          body.pipe(response);
          return;
        }
        default:
          return answer(404);
      }
    }),
  );

const expressMiddleware: Framework = async (options, stage) =>
  createServer(expressApp(stage, auditExpress(options)));

const expressAround: Framework = async (options, stage) =>
  createServer(auditExpress(options, expressApp(stage)));

function expressApp(stage: Stage, ...audit: express.RequestHandler[]): express.Express {
  const app = express();
  app.use(...audit, express.json());
  app.post('/flags', (request, response) => {
    response.status(201).json(made(request.body));
  });
  app.get('/flags/:key', (request, response) => {
    response.json([{ key: request.params.key }]);
  });
  app.delete('/flags/:key', (_request, response) => {
    response.status(204).end();
  });
  app.post('/status/:status', (request, response) => {
    response.status(Number(request.params.status)).json({ error: request.params.status });
  });
  app.post('/throws', async () => {
    throw new TypeError('the secret is s3cret');
  });
  app.post('/late/:status', async (request, response) => {
    stage.entered();
    await stage.go;
    response.status(Number(request.params.status)).json({ late: true });
  });
  app.post('/never', () => stage.entered());
  app.get(['/stream', '/torn'], (_request, response) => {
    const body = Readable.from(stage.parts());
    body.on('error', () => response.destroy());
    response.on('close', () => body.destroy());
    body.pipe(response.type('text/plain'));
  });
  app.use((_error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
    response.status(500).json({ error: 'internal' });
  });
  return app;
}

const fastifyApp: Framework = async (options, stage) => {
  const app = fastify();
  await app.register(auditFastify(options));
  app.post('/flags', (request, reply) => reply.code(201).send(made(request.body)));
  app.get<{ Params: { key: string } }>('/flags/:key', async ({ params }) => [{ key: params.key }]);
  app.delete('/flags/:key', (_request, reply) => reply.code(204).send());
  app.post<{ Params: { status: string } }>('/status/:status', ({ params }, reply) =>
    reply.code(Number(params.status)).send({ error: params.status }),
  );
  app.post('/throws', async () => {
    throw new TypeError('the secret is s3cret');
  });
  app.post<{ Params: { status: string } }>('/late/:status', async ({ params }, reply) => {
    stage.entered();
    await stage.go;
    return reply.code(Number(params.status)).send({ late: true });
  });
  app.post('/never', () => stage.entered());
  const stream = (_request: unknown, reply: { send(body: unknown): unknown }) =>
    reply.send(Readable.from(stage.parts()));
  app.get('/stream', stream);
  app.get('/torn', stream);
  await app.ready();
  return app.server;
};

const hono: Framework = async (options, stage) => {
  const app = new Hono();
  app.use(auditHono(options));
  app.post('/flags', async (context) => context.json(made(await context.req.json()), 201));
  app.get('/flags/:key', (context) => context.json([{ key: context.req.param('key') }]));
  app.delete('/flags/:key', (context) => context.body(null, 204));
  app.post('/status/:status', (context) => {
    const status = Number(context.req.param('status'));
    if (status === 403) throw new HTTPException(403);
    return context.json({ error: status }, status as 400);
  });
  app.post('/throws', () => {
    throw new TypeError('the secret is s3cret');
  });
  app.onError((error, context) =>
    error instanceof HTTPException ? error.getResponse() : context.json({ error: 'internal' }, 500),
  );
  app.post('/late/:status', async (context) => {
    stage.entered();
    await stage.go;
    return context.json({ late: true }, Number(context.req.param('status')) as 201);
  });
  app.post('/never', () => {
    stage.entered();
    return new Promise<Response>(() => {});
  });
  const stream = () =>
    new Response(ReadableStream.from(stage.parts()) as ReadableStream, {
      headers: { 'content-type': 'text/plain' },
    });
  app.get('/stream', stream);
  app.get('/torn', stream);
  return createServer(getRequestListener(app.fetch));
};

export const frameworks: Readonly<Record<string, Framework>> = {
  'node:http': node,
  'Express 5': expressMiddleware,
  'Express 5, around the app': expressAround,
  'Fastify 5': fastifyApp,
  Hono: hono,
};
