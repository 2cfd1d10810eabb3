import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { auditFastify } from 'otel-audit/interceptors/fastify';

interface Flag {
  readonly key: string;
  readonly enabled: boolean;
}

/** Tokens of a demo. A real service looks them up, and keeps none in its code. */
const USERS = new Map([
  ['Bearer demo-ada', { name: 'Ada', mayWrite: true }],
  ['Bearer demo-vic', { name: 'Vic', mayWrite: false }],
]);

/** Flags over HTTP. No handler knows that it is audited: the plugin does, from the routes. */
export async function createApp(): Promise<FastifyInstance> {
  const app = fastify();
  const flags = new Map<string, Flag>();

  // First, so that it also sees what the hook below refuses.
  await app.register(
    auditFastify<FastifyRequest, FastifyReply>({
      routes: {
        'POST /flags': { event: 'flag:create', payload: ['key', 'enabled'] },
        'PUT /flags/:key': {
          event: 'flag:update',
          payload: ({ params, request }) => ({ ...params, ...(request.body as Partial<Flag>) }),
        },
        'DELETE /flags/:key': { event: 'flag:delete', payload: ({ params }) => ({ ...params }) },
      },
      actor: ({ request }) => {
        const user = USERS.get(request.headers.authorization ?? '');
        return { authentication: user === undefined ? 'none' : 'token', name: user?.name };
      },
      trustProxy: ['loopback'],
    }),
  );
  app.addHook('onRequest', async (request, reply) => {
    const user = USERS.get(request.headers.authorization ?? '');
    if (user === undefined) return reply.code(401).send({ error: 'unauthorized' });
    if (request.method !== 'GET' && !user.mayWrite) {
      return reply.code(403).send({ error: 'forbidden' });
    }
  });

  const body = {
    type: 'object',
    properties: { key: { type: 'string', maxLength: 64 }, enabled: { type: 'boolean' } },
    additionalProperties: false,
  };
  app.get('/flags', async () => [...flags.values()]);
  app.post<{ Body: Flag }>(
    '/flags',
    { schema: { body: { ...body, required: ['key'] } } },
    async (request, reply) => {
      const { key, enabled = false } = request.body;
      if (flags.has(key)) return reply.code(409).send({ error: 'exists already' });
      flags.set(key, { key, enabled });
      return reply.code(201).send({ key, enabled });
    },
  );
  app.put<{ Params: { key: string }; Body: Partial<Flag> }>(
    '/flags/:key',
    { schema: { body } },
    async ({ params: { key }, body: { enabled = false } }, reply) => {
      if (!flags.has(key)) return reply.code(404).send({ error: 'not found' });
      flags.set(key, { key, enabled });
      return { key, enabled };
    },
  );
  app.delete<{ Params: { key: string } }>('/flags/:key', async ({ params: { key } }, reply) =>
    reply.code(flags.delete(key) ? 204 : 404).send(),
  );
  return app;
}
