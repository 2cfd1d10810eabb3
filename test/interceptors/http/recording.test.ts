import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { getRequestListener } from '@hono/node-server';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { Checker } from '../../../src/checker.js';
import { unrecordedCount } from '../../../src/event/unrecorded.js';
import { auditActor } from '../../../src/interceptors/actor.js';
import { auditExpress } from '../../../src/interceptors/express.js';
import { auditFastify } from '../../../src/interceptors/fastify.js';
import { auditHono } from '../../../src/interceptors/hono.js';
import { auditHttp } from '../../../src/interceptors/http.js';
import { diagLog } from '../../support/diag-log.js';
import { type AnyOptions, type Framework, frameworks } from './frameworks.js';
import { brief, httpRig } from './rig.js';

const log = diagLog();
const rig = httpRig();

const send = async (url: string, body: unknown, path = '/flags') => {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.text();
};

const recorded = async (
  framework: Framework,
  options: AnyOptions,
  body: unknown = { key: 'a' },
) => {
  const { url } = await rig.start(framework, options);
  await send(url, body);
  return rig.events();
};

describe.each(Object.entries(frameworks))('%s', (_name, framework) => {
  const briefly = async (
    ...given: Parameters<typeof recorded> extends [unknown, ...infer Rest] ? Rest : never
  ) => (await recorded(framework, ...given)).map(brief);

  it('records no body unless it is told to', async () => {
    const events = await recorded(framework, { routes: { 'POST /flags': 'flag:create' } });
    expect(events).toHaveLength(1);
    expect('payload' in events[0]!).toBe(false);
    expect(events[0]!.metadata).toEqual({ actor: { ip: '127.0.0.1' } });
  });

  it.each<[string, AnyOptions['routes'][string], string[]]>([
    [
      'members of the request',
      { event: 'flag:create', payload: ['key', 'gone', 'toString'] },
      ['flag:created success {"key":"a"}'],
    ],
    [
      'members of the answer',
      { event: 'flag:create', body: 'response', payload: ['id'] },
      ['flag:created success {"id":7}'],
    ],
    [
      'what a function makes of the request',
      { event: 'flag:create', body: 'request', payload: ({ body }) => Object.keys(body as object) },
      ['flag:created success ["key"]'],
    ],
    [
      'what a function makes of the answer',
      {
        event: 'flag:create',
        body: 'response',
        payload: ({ body }) => Object.keys(body as object),
      },
      ['flag:created success ["key","id","token"]'],
    ],
    [
      'several events',
      ['flag:create', 'audit:touched'],
      ['flag:created success', 'audit:touched success'],
    ],
    ['a function that returns one', () => 'flag:create', ['flag:created success']],
    ['a function that returns none', () => undefined, []],
    [
      'a function that returns several',
      ({ status, route }) => [
        { event: 'flag:create', payload: { status, route } },
        { event: 'rule:refund', status: 'partial' },
      ],
      ['flag:created success {"status":201,"route":"POST /flags"}', 'rule:refund partial'],
    ],
    [
      'a function beside a payload',
      { event: () => ['flag:create', { event: 'flag:update', payload: 1 }], payload: () => 2 },
      ['flag:created success 2', 'flag:updated success 1'],
    ],
  ])('records %s', async (_, route, expected) => {
    expect(await briefly({ routes: { 'POST /flags': route } })).toEqual(expected);
  });

  it('counts a call whose events the function that names them fails to name', async () => {
    const before = unrecordedCount();
    const routes = { 'POST /flags': () => JSON.parse('the secret') };
    expect(await briefly({ routes })).toEqual([]);
    expect(unrecordedCount()).toBe(before + 1);
  });

  it('bounds what it keeps of a body', async () => {
    const routes = {
      'POST /flags': {
        event: () => [{ event: 'flag:create' }],
        body: 'response',
        payload: ['key'],
      },
    } as const;
    const [event] = await briefly({ routes, maxBodyBytes: 100 }, { key: 'k'.repeat(200) });
    expect(event).toBe(
      'flag:created success {"omitted":"the body is left out: it is larger than 100 bytes"}',
    );
  });

  it('bounds what it picks of a request', async () => {
    const routes = { 'POST /flags': { event: 'flag:create', payload: ['key'] } };
    const [event] = await briefly({ routes, maxBodyBytes: 100 }, { key: 'k'.repeat(200) });
    expect(event).toMatch(
      /^flag:created success \{"omitted":"the body is left out: .* larger than 100 bytes"\}$/,
    );
  });

  it('takes `__proto__` in a body for data', async () => {
    const { url } = await rig.start(framework, {
      routes: { 'POST /flags': { event: 'flag:create', payload: ['__proto__', 'key'] } },
    });
    const response = await fetch(`${url}/flags`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"key":"a","__proto__":{"admin":true}}',
    });
    const events = await rig.events();
    if (response.status >= 400) return expect(events).toEqual([]); // Fastify refuses such a body
    expect(events.map(brief)).toEqual([
      'flag:created success {"__proto__":{"admin":true},"key":"a"}',
    ]);
  });

  it('asks the checker before anything else', async () => {
    const payload = jest.fn(() => 1);
    const checker = new Checker(['flag:updated']);
    expect(
      await briefly({ routes: { 'POST /flags': { event: 'flag:create', payload } }, checker }),
    ).toEqual([]);
    expect(payload).not.toHaveBeenCalled();
    const routes = { 'POST /flags': ['flag:create', 'flag:update'] };
    expect(await briefly({ routes, checker })).toEqual(['flag:updated success']);
  });

  it('records a payload that fails as none, and an actor likewise', async () => {
    const routes: AnyOptions['routes'] = {
      'POST /flags': {
        event: 'flag:create',
        payload: () => {
          throw new Error('the secret is s3cret');
        },
      },
    };
    const actor = () => {
      throw new Error('the secret is s3cret');
    };
    const [event] = await recorded(framework, { routes, actor });
    expect(brief(event!)).toBe('flag:created success');
    expect(event!.metadata).toEqual({ actor: { ip: '127.0.0.1' } });
    expect(log.lines.join()).not.toContain('s3cret');
  });

  it('records on the span of the request, once, with its ids', async () => {
    const [event] = await recorded(framework, { routes: { 'POST /flags': 'flag:create' } });
    const server = rig.spans.getFinishedSpans().find(({ kind }) => kind === 1);
    expect(event!.trace?.spanId).toBe(server?.spanContext().spanId);
    expect(server?.events.map(({ name }) => name)).toEqual(['event']);
  });
});

describe('the actor', () => {
  const routes = { 'POST /flags': 'flag:create' };
  const user = { name: 'Ada', authentication: 'token' };

  it.each<[string, AnyOptions['actor'], unknown]>([
    [
      'the resolver’s, with the address',
      () => user,
      { authentication: 'token', name: 'Ada', ip: '127.0.0.1' },
    ],
    [
      'the resolver’s, with its own address',
      () => ({ ...user, ip: '9.9.9.9' }),
      { ...user, ip: '9.9.9.9' },
    ],
    ['the address alone', () => undefined, { ip: '127.0.0.1' }],
    [
      'the address alone, of nobody',
      (() => null) as unknown as AnyOptions['actor'],
      { ip: '127.0.0.1' },
    ],
    ['left out that is no object', (() => 'Ada') as unknown as AnyOptions['actor'], undefined],
    [
      'left out that cannot be read',
      () => ({
        get name(): string {
          throw new Error('s3cret');
        },
      }),
      undefined,
    ],
    [
      'the address alone, of an async resolver',
      (async () => user) as unknown as AnyOptions['actor'],
      { ip: '127.0.0.1' },
    ],
  ])('is %s', async (_, actor, expected) => {
    const [event] = await recorded(frameworks['Express 5']!, { routes, actor });
    expect(event!.metadata.actor).toEqual(expected);
  });

  it.each<[string, Framework]>([
    [
      'node:http',
      async (options) =>
        createServer(
          auditHttp(options, (_, response) => auditActor(user, async () => void response.end())),
        ),
    ],
    [
      'Express',
      async (options) =>
        createServer(
          express()
            .use(auditExpress(options))
            .use((_request, _response, next) => auditActor(user, next))
            .post('/flags', async (_, response) => void response.end()),
        ),
    ],
    [
      'Fastify',
      async (options) => {
        const app = fastify();
        app.register(auditFastify(options));
        app.register(async (child) => {
          child.addHook('onRequest', (_request, _reply, done) => auditActor(user, done));
          child.post('/flags', async () => 'done');
        });
        await app.ready();
        return app.server;
      },
    ],
  ])('is what auditActor says in %s', async (_, framework) => {
    const [event] = await recorded(framework, { routes });
    expect(event!.metadata.actor).toEqual({ ...user, ip: '127.0.0.1' });
  });

  it('may come from what the framework’s own request knows', async () => {
    const events = await recorded(
      async ({ routes }) => {
        const app = express();
        app.use(
          auditExpress<express.Request, express.Response>({
            routes: routes as { [route: string]: 'flag:create' },
            actor: ({ request, response }) => ({
              name: response.locals.user,
              agent: request.get('x-agent'),
            }),
          }),
        );
        app.post('/flags', (_, response) => {
          response.locals.user = 'Ada';
          response.end();
        });
        return createServer(app);
      },
      { routes },
    );
    expect(events[0]!.metadata.actor).toEqual({ name: 'Ada', ip: '127.0.0.1' });
  });
});

describe('a Hono app without Node’s server', () => {
  const app = (options: AnyOptions) =>
    new Hono()
      .use(auditHono(options))
      .post('/flags', async (context) =>
        context.json({ ...(await context.req.json()), id: 7 }, 201),
      )
      .post('/throws', () => {
        throw new TypeError('no');
      });
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': '6.6.6.6' },
    body: '{"key":"a","token":"s3cret"}',
  };
  const asked = async (options: AnyOptions, path = '/flags') => {
    jest.spyOn(console, 'error').mockImplementation(() => {});
    return trace.getTracer('test').startActiveSpan('call', async (span) => {
      const response = await app(options).request(path, request);
      span.end();
      return { response, text: await response.text(), events: (await rig.events()).map(brief) };
    });
  };
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each<['request' | 'response', string[], string]>([
    ['request', ['key'], '{"key":"a"}'],
    ['response', ['id'], '{"id":7}'],
  ])('records of the %s %j', async (body, payload, expected) => {
    const routes = { 'POST /flags': { event: 'flag:create', body, payload } };
    const { text, events } = await asked({ routes, trustProxy: 1 });
    expect(text).toBe('{"key":"a","token":"s3cret","id":7}');
    expect(events).toEqual([`flag:created success ${expected}`]);
    expect((await rig.events())[0]!.metadata).toEqual({}); // of a connection nothing is known
  });

  it('records what failed', async () => {
    const routes = { 'POST /throws': 'thing:throw' };
    expect((await asked({ routes, failures: true }, '/throws')).events).toEqual([
      'thing:throw failed {"status":500,"error":"TypeError"}',
    ]);
  });

  it('answers 503 where it cannot be recorded', async () => {
    const { response, text } = await asked({
      routes: { 'POST /flags': 'flag:create' },
      durable: true,
      sender: { sendAudits: () => Promise.reject(new Error('no')) },
    });
    expect([response.status, text]).toEqual([503, '{"error":"the audit log is not available"}']);
  });
});

describe('an interceptor', () => {
  it.each<[unknown, string]>([
    [undefined, 'takes an object of options'],
    [{}, '.routes must be an object'],
    [{ routes: ['POST /flags'] }, '.routes must be an object'],
    [{ routes: {}, rotues: {} }, 'has no option "rotues"'],
    [
      { routes: { 'POST /flags': 'flag' } },
      `.routes["POST /flags"] must be a noun, ':' and a verb, as 'flag:create', not "flag"`,
    ],
    [{ routes: { 'POST /flags': ':create' } }, 'must be a noun'],
    [{ routes: { 'POST /flags': 'flag:*' } }, 'must be a noun'],
    [{ routes: { 'POST /flags': 'a:b:c' } }, 'must be a noun'],
    [{ routes: { 'POST /flags': [] } }, 'must name at least one event'],
    [{ routes: { 'POST /flags': ['flag:create', 1] } }, '["POST /flags"][1] must be a text, not 1'],
    [{ routes: { 'POST /flags': null } }, 'takes an object of options, not null'],
    [
      { routes: { 'POST /flags': { event: 'flag:create', paylaod: 1 } } },
      'has no option "paylaod"',
    ],
    [
      { routes: { 'POST /flags': { event: 'flag:create', payload: [] } } },
      '.payload must be a function, or a list',
    ],
    [
      { routes: { 'POST /flags': { event: 'flag:create', body: 'both' } } },
      ".body must be 'request' or 'response'",
    ],
    [{ routes: {}, actor: {} }, '.actor must be a function'],
    [{ routes: {}, failures: 1 }, '.failures must be true or false'],
    [{ routes: {}, maxBodyBytes: 0 }, '.maxBodyBytes must be a whole number from 1'],
    [{ routes: {}, unansweredMs: 2 ** 31 }, '.unansweredMs must be a whole number from 1'],
    [{ routes: {}, durable: true }, 'durable needs a sender'],
  ])('refuses %j', (options, message) => {
    for (const [name, make] of Object.entries({
      auditHttp,
      auditExpress,
      auditFastify,
      auditHono,
    })) {
      const called = () =>
        (make as (options: unknown, listener: unknown) => unknown)(options, () => {});
      expect(called).toThrow(message);
      expect(called).toThrow(name);
    }
  });

  it('passes on what a plain listener returns, throws and rejects with', async () => {
    const fault = new Error('no');
    const heard = (listener: () => unknown) =>
      auditHttp({ routes: { '* /*': 'a:b' }, failures: true }, listener);
    const seen: unknown[] = [];
    const listeners = [
      heard(() => 7),
      heard(() => {
        throw fault;
      }),
      heard(() => Promise.reject(fault)),
    ];
    const { url } = await rig.start(
      async () =>
        createServer(async (request, response) => {
          try {
            seen.push(await listeners[seen.length]!(request, response));
          } catch (error) {
            seen.push(error);
          }
          response.end();
        }),
      { routes: {} },
    );
    for (const _ of listeners) await send(url, {});
    expect(seen).toEqual([7, fault, fault]);
    expect((await rig.events()).map(brief)).toEqual([
      'a:b success',
      'a:b failed {"error":"Error"}',
      'a:b failed {"error":"Error"}',
    ]);
  });

  it('is of the URL that Express’s middleware has rewritten', async () => {
    const app = express();
    app.use((request, _response, next) => {
      request.url = request.url.replace('/v1', '');
      next();
    });
    const audit = { routes: { 'POST /flags': 'flag:create', 'POST /team/flags': 'flag:share' } };
    app.use(auditExpress(audit));
    app.post('/flags', (_request, response) => response.end());
    const router = express.Router();
    router.use(auditExpress({ routes: { 'POST /team/flags': 'team:use' } }));
    router.post('/flags', (_request, response) => response.end());
    app.use('/team', router);
    const { url } = await rig.start(async () => createServer(app), { routes: {} });
    await send(url, {}, '/v1/flags');
    await send(url, {}, '/v1/team/flags?a=/flags');
    expect((await rig.events()).map(brief)).toEqual([
      'flag:created success',
      'flag:share success',
      'team:use success',
    ]);
  });

  it('tells of an answer that Express breaks off, for its handler threw after it had begun', async () => {
    const app = express();
    app.use(auditExpress({ routes: { 'POST /flags': 'flag:create' } }));
    app.set('env', 'test'); // it prints nothing
    app.post('/flags', (_request, response) => {
      response.write('begun');
      throw new TypeError('no');
    });
    const { url } = await rig.start(async () => createServer(app), { routes: {} });
    await expect(send(url, {})).rejects.toThrow('terminated');
    expect((await rig.events()).map(brief)).toEqual([
      'flag:created failed {"status":200,"error":"broken off"}',
    ]);
  });

  it('is of the handler that runs in Hono, however the client writes its path', async () => {
    const app = new Hono();
    app.use(auditHono({ routes: { 'POST /public/*': 'page:view', 'POST /flags': 'flag:create' } }));
    app.post('/public/*', (context) => context.text('page'));
    app.post('/flags', (context) => context.text('flag'));
    const running = await rig.start(async () => createServer(getRequestListener(app.fetch)), {
      routes: {},
    });
    const socket = await running.raw(
      'POST /public/%2e%2e/flags HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    expect(await text(socket)).toMatch(/flag$/);
    expect((await rig.events()).map(brief)).toEqual(['flag:created success']);
  });

  it.each([false, true])(
    'counts on a mock that destroys what it has ended, durable: %s',
    async (durable) => {
      // As light-my-request's, by which Fastify is injected requests.
      class Mock extends ServerResponse {
        override end(...given: unknown[]): this {
          Reflect.apply(ServerResponse.prototype.end, this, given);
          this.emit('finish');
          return this.destroy();
        }
      }
      const request = Object.assign(new IncomingMessage(new Socket()), {
        method: 'POST',
        url: '/flags',
      });
      const response = new Mock(request);
      const routes = { 'POST /flags': 'flag:create' };
      auditHttp({ routes, durable, sender: rig.exporter }, (_, answer) => {
        answer.writeHead(200).end('done');
      })(request, response);
      await rig.count(1);
      expect((await rig.events()).map(brief)).toEqual(['flag:created success']);
    },
  );

  it('records once what the same one sees before an app and before a part of it', async () => {
    const routes = { 'POST /team/flags': 'flag:create' };
    const audit = auditExpress({ routes });
    const team = express.Router().use(audit);
    team.post('/flags', (_request, response) => response.end());
    const expressApp = express().use(audit, audit).use('/team', team);

    const plugin = auditFastify({ routes });
    const fastifyApp = fastify();
    fastifyApp.register(plugin).register(async (child) => {
      await child.register(plugin);
      child.post('/team/flags', async () => 'done');
    });
    await fastifyApp.ready();

    const middleware = auditHono({ routes });
    const honoTeam = new Hono().use(middleware).post('/flags', (context) => context.text('done'));
    const honoApp = new Hono().use(middleware).route('/team', honoTeam);

    const servers = [
      createServer(expressApp),
      fastifyApp.server,
      createServer(getRequestListener(honoApp.fetch)),
    ];
    for (const server of servers) {
      const { url } = await rig.start(async () => server, { routes: {} });
      await send(url, {}, '/team/flags');
    }
    await trace.getTracer('a').startActiveSpan('web', async (span) => {
      await honoApp.request('/team/flags', { method: 'POST' });
      span.end();
    });
    expect((await rig.events()).map(brief)).toEqual(Array(4).fill('flag:created success'));
  });

  it('may stand twice before a handler, each with its own routes', async () => {
    const inner = auditHttp({ routes: { 'POST /flags': 'flag:create' } }, (_, response) => {
      response.end();
    });
    const outer = auditHttp({ routes: { '* /*': 'thing:do' } }, inner);
    const { url } = await rig.start(async () => createServer(outer), { routes: {} });
    await send(url, {});
    expect((await rig.events()).map(brief)).toEqual(['thing:do success', 'flag:created success']);
  });

  it.each([0, 1])('waits for the receipts of both of two, whichever fails: %i', async (failing) => {
    const senders = [0, 1].map((n) => ({
      sendAudits: async () => {
        if (n === failing) throw new Error('no');
        return [null];
      },
    }));
    const [outer, inner] = senders.map((sender) => ({
      routes: { '* /*': 'thing:do' },
      durable: true,
      sender,
    }));
    const { url } = await rig.start(
      async () =>
        createServer(
          auditHttp(
            outer!,
            auditHttp(inner!, (_, response) => {
              response.end('done');
            }),
          ),
        ),
      { routes: {} },
    );
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([
      503,
      { error: 'the audit log is not available' },
    ]);
  });

  it('records on the server’s span also where a framework’s span is active', async () => {
    const app = express();
    app.use((_request, _response, next) => {
      trace.getTracer('test').startActiveSpan('middleware', (span) => {
        span.end(); // as Express's instrumentation does
        next();
      });
    });
    app.use(auditExpress({ routes: { 'POST /flags': 'flag:create' } }));
    app.post('/flags', (_, response) => void response.end());
    const [event] = await recorded(async () => createServer(app), { routes: {} });
    const server = rig.spans.getFinishedSpans().find(({ kind }) => kind === 1);
    expect(event!.trace?.spanId).toBe(server?.spanContext().spanId);
  });
});
