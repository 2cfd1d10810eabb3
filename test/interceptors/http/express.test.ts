// What only Express has: an answer's prototype is the app's, and another app's while that one handles it.
import { once } from 'node:events';
import { createServer, ServerResponse } from 'node:http';
import { describe, expect, it, jest } from '@jest/globals';
import express, { type Express, type Response } from 'express';
import { auditActor } from '../../../src/interceptors/actor.js';
import { auditExpress } from '../../../src/interceptors/express.js';
import { brief, httpRig, post as postText, type Running } from './rig.js';

const rig = httpRig();

const start = (app: Express): Promise<Running> =>
  rig.start(async () => createServer(app), { routes: {} });

const audit = () =>
  auditExpress({ routes: { 'POST /things/:status': 'thing:change' }, failures: true });

const answer = (app: Express): void => {
  app.post('/things/:status', (request, response) => {
    response.status(Number(request.params.status)).json({});
  });
};

async function post(url: string, status: number): Promise<void> {
  const response = await fetch(`${url}/things/${status}`, { method: 'POST' });
  expect(response.status).toBe(status);
  await response.arrayBuffer();
}

it('records what an app answers that is mounted in an audited one', async () => {
  const app = express();
  const mounted = express();
  answer(mounted);
  app.use(audit(), mounted);
  const { url } = await start(app);
  await post(url, 200);
  await post(url, 403);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success', 'thing:change denied']);
});

it('records what the app around an audited one answers', async () => {
  const app = express();
  const mounted = express();
  mounted.use(audit());
  app.use(mounted);
  answer(app);
  const { url } = await start(app);
  await post(url, 200);
  await post(url, 403);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success', 'thing:change denied']);
});

it('records nothing of an app that is not audited beside one that is', async () => {
  const audited = express();
  audited.use(audit());
  answer(audited);
  const other = express();
  answer(other);
  const [one, two] = [await start(audited), await start(other)];
  await post(one.url, 200);
  await post(two.url, 403);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
});

const overrideEnd = (target: { end: Response['end'] }): (() => number) => {
  const { end } = target;
  let calls = 0;
  target.end = function (this: Response, ...given: unknown[]) {
    calls += 1;
    return Reflect.apply(end, this, given);
  } as Response['end'];
  return () => calls;
};

it('records beside an `end` that the app has put on its answers, before or later', async () => {
  const app = express();
  const before = overrideEnd(app.response);
  app.use(audit());
  answer(app);
  const { url } = await start(app);
  await post(url, 200);
  const later = overrideEnd(app.response);
  await post(url, 403);
  expect([before(), later()]).toEqual([2, 1]);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success', 'thing:change denied']);
});

it('records the answer of a mounted app whose own `end` goes past all others to Node’s', async () => {
  const app = express();
  const mounted = express();
  mounted.response.end = ServerResponse.prototype.end as Response['end'];
  answer(mounted);
  const routes = {
    'POST /things/:status': {
      event: 'thing:change',
      payload: ({ hungUp }: { hungUp: boolean }) => ({ hungUp }),
    },
  };
  app.use(auditExpress({ routes }), mounted);
  const running = await start(app);
  const closed = running.nextClose();
  await post(running.url, 200);
  await closed;
  expect((await rig.events()).map(brief)).toEqual(['thing:change success {"hungUp":false}']);
});

it('records as broken off what is ended and destroyed at once, when part of it is out', async () => {
  const app = express();
  const mounted = express();
  mounted.response.end = ServerResponse.prototype.end as Response['end'];
  mounted.post('/things/:status', (_request, response) => {
    response.write('a part', () => {
      response.end();
      response.destroy();
    });
  });
  app.use(audit(), mounted);
  const running = await start(app);
  const closed = running.nextClose();
  await fetch(`${running.url}/things/200`, { method: 'POST' }).then((response) =>
    response.text().catch(() => {}),
  );
  await closed;
  expect((await rig.events()).map(brief)).toEqual([
    'thing:change failed {"status":200,"error":"broken off"}',
  ]);
});

it('records beside middleware that holds an answer back before it was audited, as compression does', async () => {
  const app = express();
  app.use((_request, response, next) => {
    const { end } = response;
    response.end = function (this: Response, ...given: unknown[]) {
      setImmediate(() => Reflect.apply(end, this, given));
      return this;
    } as Response['end'];
    next();
  });
  app.use(audit());
  answer(app);
  const { url } = await start(app);
  await post(url, 200);
  await post(url, 500);
  expect((await rig.events()).map(brief)).toEqual([
    'thing:change success',
    'thing:change failed {"status":500}',
  ]);
});

describe('an answer that an audited app hands to an app of another copy of Express', () => {
  const withOther = (answered: (other: Express) => void): Express => {
    let copy = express;
    jest.isolateModules(() => {
      copy = require('express');
    });
    expect(copy.response).not.toBe(express.response);
    const app = express();
    const other = copy();
    answered(other);
    const routes = { 'POST /things/:status': 'thing:change' };
    app.use(auditExpress({ routes, failures: true, unansweredMs: 1 }));
    app.use((request, response, next) => {
      auditActor({ authentication: 'token', name: 'ada' }, () => other(request, response, next));
    });
    return app;
  };

  it('is recorded, with the actor around it', async () => {
    const { url } = await start(withOther(answer));
    await post(url, 200);
    await post(url, 403);
    const events = await rig.events();
    expect(events.map(brief)).toEqual(['thing:change success', 'thing:change denied']);
    expect(events.map(({ metadata }) => metadata.actor?.name)).toEqual(['ada', 'ada']);
  });

  it('is recorded where there is none and the client hangs up', async () => {
    const running = await start(
      withOther((other) => other.post('/things/:status', () => running.stage.entered())),
    );
    const socket = await running.raw(postText('/things/200'));
    await running.stage.waiting;
    socket.destroy();
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual(['thing:change failed {"error":"unanswered"}']);
  });
});

it('records once what comes by the same middleware again when all is over', async () => {
  const app = express();
  const audited = audit();
  const over = new Promise<void>((resolve) => {
    app.use(audited);
    app.use(async (_request, response, next) => {
      response.end();
      await once(response, 'close');
      next();
    });
    app.use(audited, (_request, response) => {
      response.end();
      resolve();
    });
  });
  const { url } = await start(app);
  await post(url, 200);
  await over;
  expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
});

it('leaves what an answer is made of as it was', async () => {
  const app = express();
  let own: PropertyKey[] = [];
  app.use(audit());
  app.use((_request, response, next) => {
    own = Reflect.ownKeys(response);
    next();
  });
  answer(app);
  const { url } = await start(app);
  await post(url, 200);
  const audited = own;
  await fetch(`${url}/elsewhere`, { method: 'POST' });
  expect(audited).toEqual(own);
  expect(own).not.toContain('end');
  expect(await rig.events()).toHaveLength(1); // which would else come in the next test
});

it('records where the answers of Express cannot be changed', async () => {
  const app = express();
  const bare = Object.freeze(Object.create(Object.getPrototypeOf(express.response)));
  app.use((_request, response, next) => {
    Object.setPrototypeOf(response, bare);
    next();
  });
  app.use(audit());
  app.post('/things/:status', (request, response) => {
    response.statusCode = Number(request.params.status);
    response.end();
  });
  const { url } = await start(app);
  await post(url, 200);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
});

it('knows round an app what its middleware made of the request', async () => {
  const app = express();
  app.use(express.json(), (request, _response, next) => {
    Object.assign(request, { user: 'ada' });
    request.url = '/elsewhere';
    next();
  });
  app.post('/elsewhere', (_request, response) => {
    response.status(201).end();
  });
  const audited = auditExpress<express.Request & { user?: string }>(
    {
      routes: { 'POST /things': { event: 'thing:create', payload: ['name'] } },
      actor: ({ request }) => ({ authentication: 'token', name: request.user ?? 'nobody' }),
    },
    app,
  );
  const { url } = await rig.start(async () => createServer(audited), { routes: {} });
  await fetch(`${url}/things`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"lamp","secret":"x"}',
  });
  const [event] = await rig.events();
  expect(event).toMatchObject({ payload: { name: 'lamp' }, metadata: { actor: { name: 'ada' } } });
});

it('stands round an app that is middleware in another one', async () => {
  const inner = express();
  answer(inner);
  const app = express();
  app.use(
    '/api',
    auditExpress(
      { routes: { 'POST /api/things/:status': 'thing:change' } },
      inner,
    ) as express.Handler,
  );
  app.use((_request, response) => {
    response.status(418).end();
  });
  const { url } = await start(app);
  await post(`${url}/api`, 200);
  const elsewhere = await fetch(`${url}/api/elsewhere`, { method: 'POST' });
  expect(elsewhere.status).toBe(418);
  expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
});

it('refuses what is no app', () => {
  expect(() => auditExpress({ routes: {} }, {} as never)).toThrow(
    'auditExpress: app must be an Express app',
  );
});
