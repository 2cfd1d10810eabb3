import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { auditExpress } from 'otel-audit/interceptors/express';
import type { HttpCall } from 'otel-audit/interceptors/http';
import { actorOf, refusalOf } from './auth.js';
import { parseItem, Store } from './store.js';

/** Flags and segments over HTTP; each change, and each refusal, becomes an audit event. No handler knows of it. */
export function createApp(): Express {
  const app = express();
  app.use(
    auditExpress<Request, Response>({
      routes: { ...routesOf('/flags', 'flag'), ...routesOf('/segments', 'segment') },
      actor: ({ request }) => actorOf(request),
    }),
  );
  app.use('/flags', resource());
  app.use('/segments', resource());
  app.use(answerError);
  return app;
}

/** What to audit of one kind of thing: the item that a change was about is what its handler leaves in `locals`. */
const routesOf = (path: string, type: string) => {
  const payload = ({ response }: { response: Response }) => response.locals.item;
  return {
    // Who reads is not recorded, only who may not.
    [`GET ${path}`]: ({ outcome }: HttpCall) => (outcome === 'denied' ? `${type}:read` : undefined),
    [`POST ${path}`]: { event: `${type}:create`, payload },
    [`PUT ${path}/:key`]: { event: `${type}:update`, payload },
    [`DELETE ${path}/:key`]: { event: `${type}:delete`, payload },
  };
};

/** Create, update, delete and list for one kind of thing. */
function resource(): express.Router {
  const store = new Store();
  const router = express.Router();

  router.use((request, response, next) => {
    const refusal = refusalOf(request);
    if (refusal === undefined) return next();
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
    response.locals.item = item;
    response.status(201).json(item);
  });

  router.put('/:key', (request, response) => {
    const item = parseItem(request.params.key, request.body);
    if (item === undefined) return refuse(response, 400);
    if (!store.has(item.key)) return refuse(response, 404);
    store.put(item);
    response.locals.item = item;
    response.json(item);
  });

  router.delete('/:key', (request, response) => {
    const item = store.remove(request.params.key);
    if (item === undefined) return refuse(response, 404);
    response.locals.item = item;
    response.status(204).end();
  });

  return router;
}

const REASONS = { 400: 'invalid', 404: 'not found', 409: 'exists already' } as const;

function refuse(response: Response, status: keyof typeof REASONS): void {
  response.status(status).json({ error: REASONS[status] });
}

/** A body that is not JSON, mostly. Express knows an error handler by its four parameters. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction) {
  const { status = 500 } = error as { status?: number };
  response.status(status).json({ error: status < 500 ? 'invalid' : 'internal error' });
}
