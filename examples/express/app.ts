import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type AuditEvent, createEvent } from 'otel-audit';
import { actorOf, refusalOf } from './auth.js';
import { parseItem, Store } from './store.js';

type Recorder = (event: AuditEvent) => void;

/** Flags and segments over HTTP; each change, and each refusal, becomes an audit event. */
export function createApp(record: Recorder): Express {
  const app = express();
  app.use('/flags', resource('flag', record));
  app.use('/segments', resource('segment', record));
  app.use(answerError);
  return app;
}

/** Create, update, delete and list for one kind of thing. */
function resource(type: string, record: Recorder): express.Router {
  const store = new Store();
  const router = express.Router();

  router.use((request, response, next) => {
    const refusal = refusalOf(request);
    if (refusal === undefined) return next();
    const action = ACTIONS[request.method] ?? 'read';
    record(createEvent({ type, action, status: 'denied', actor: actorOf(request) }));
    response.status(refusal).json({ error: refusal === 401 ? 'unauthorized' : 'forbidden' });
  });
  router.use(express.json());

  router.get('/', (_request, response) => {
    response.json(store.list());
  });

  router.post('/', (request, response) => {
    const item = parseItem(request.body?.key, request.body);
    if (item === undefined) return refuse(response, 400);
    if (store.has(item.key)) return refuse(response, 409);
    store.put(item);
    record(createEvent({ type, action: 'created', actor: actorOf(request), payload: item }));
    response.status(201).json(item);
  });

  router.put('/:key', (request, response) => {
    const item = parseItem(request.params.key, request.body);
    if (item === undefined) return refuse(response, 400);
    if (!store.has(item.key)) return refuse(response, 404);
    store.put(item);
    record(createEvent({ type, action: 'updated', actor: actorOf(request), payload: item }));
    response.json(item);
  });

  router.delete('/:key', (request, response) => {
    const item = store.remove(request.params.key);
    if (item === undefined) return refuse(response, 404);
    record(createEvent({ type, action: 'deleted', actor: actorOf(request), payload: item }));
    response.status(204).end();
  });

  return router;
}

const ACTIONS: { readonly [method: string]: string } = {
  POST: 'created',
  PUT: 'updated',
  DELETE: 'deleted',
};

const REASONS = { 400: 'invalid', 404: 'not found', 409: 'exists already' } as const;

function refuse(response: Response, status: keyof typeof REASONS): void {
  response.status(status).json({ error: REASONS[status] });
}

/** A body that is not JSON, mostly. Express knows an error handler by its four parameters. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction) {
  const { status = 500 } = error as { status?: number };
  response.status(status).json({ error: status < 500 ? 'invalid' : 'internal error' });
}
