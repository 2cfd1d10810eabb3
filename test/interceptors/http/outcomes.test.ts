import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type AnyOptions, frameworks } from './frameworks.js';
import { brief, httpRig, post } from './rig.js';

const rig = httpRig();

afterEach(() => {
  jest.restoreAllMocks();
});

const routes: AnyOptions['routes'] = {
  'POST /flags': { event: 'flag:create', payload: ['key'] },
  'DELETE /flags/:key': { event: 'flag:delete', payload: ({ params }) => params },
  'GET /flags/:key': 'flag:read',
  'POST /status/:status': 'thing:change',
  'POST /throws': 'thing:throw',
  'POST /late/:status': 'thing:come',
  'POST /never': 'thing:never',
  'GET /stream': 'report:read',
  'GET /torn': 'report:read',
};

/** Express does not tell a middleware what was thrown, and the plain listener answers by itself. */
const thrown: Readonly<Record<string, string>> = {
  'node:http': '{"status":500}',
  'Express 5': '{"status":500}',
  'Express 5, around the app': '{"status":500}',
  'Fastify 5': '{"status":500,"error":"TypeError"}',
  Hono: '{"status":500,"error":"TypeError"}',
};

describe.each(Object.entries(frameworks))('%s', (name, framework) => {
  it.each<[string, string, boolean, string | undefined]>([
    ['POST', '/status/200', false, 'thing:change success'],
    ['POST', '/status/302', false, 'thing:change success'],
    ['POST', '/status/401', false, 'thing:change denied'],
    ['POST', '/status/403', false, 'thing:change denied'],
    ['POST', '/status/404', true, undefined],
    ['POST', '/status/409', true, undefined],
    ['POST', '/status/500', false, undefined],
    ['POST', '/status/500', true, 'thing:change failed {"status":500}'],
    ['POST', '/status/503', true, 'thing:change failed {"status":503}'],
    ['DELETE', '/flags/a%20b', false, 'flag:deleted success {"key":"a b"}'],
    ['HEAD', '/flags/a', false, 'flag:read success'],
    ['GET', '/elsewhere', true, undefined],
  ])('%s %s, failures recorded: %s, is %s', async (method, path, failures, expected) => {
    const { url } = await rig.start(framework, { routes, failures });
    const response = await fetch(`${url}${path}`, { method, redirect: 'manual' });
    await response.arrayBuffer();
    expect((await rig.events()).map(brief)).toEqual(expected === undefined ? [] : [expected]);
  });

  it.each([
    ['201', false, 'thing:come success'],
    ['403', false, 'thing:come denied'],
    ['500', true, 'thing:come failed {"status":500}'],
    ['500', false, undefined],
    ['404', true, undefined],
  ])(
    'a client that hangs up early, while the handler goes on to answer %s',
    async (status, failures, expected) => {
      const running = await rig.start(framework, { routes, failures });
      const socket = await running.raw(post(`/late/${status}`));
      await running.stage.waiting;
      const closed = running.nextClose();
      socket.destroy();
      await closed;
      expect(await rig.events()).toEqual([]); // nobody knows yet
      running.stage.release();
      await running.settled();
      expect((await rig.events()).map(brief)).toEqual(expected === undefined ? [] : [expected]);
    },
  );

  it('a client that hangs up, and a handler that never answers', async () => {
    const running = await rig.start(framework, { routes, unansweredMs: 1 });
    const socket = await running.raw(post('/never'));
    await running.stage.waiting;
    socket.destroy();
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual(['thing:never failed {"error":"unanswered"}']);
  });

  it('a client that hangs up with a request behind one that waits', async () => {
    const running = await rig.start(framework, { routes, unansweredMs: 1 });
    const socket = await running.raw(`${post('/late/201')}${post('/never')}`);
    await running.stage.waiting;
    await running.settled(); // the others are under way
    socket.destroy();
    await rig.count(2);
    expect((await rig.events()).map(brief).sort()).toEqual([
      'thing:come failed {"error":"unanswered"}',
      'thing:never failed {"error":"unanswered"}',
    ]);
  });

  it.each([
    [false, []],
    [true, [`thing:throw failed ${thrown[name]}`]],
  ])('a handler that throws, failures recorded: %s', async (failures, expected) => {
    const { url } = await rig.start(framework, { routes, failures });
    const response = await fetch(`${url}/throws`, { method: 'POST' });
    expect(response.status).toBe(500);
    expect((await rig.events()).map(brief)).toEqual(expected);
  });

  it('a stream to its end', async () => {
    const { url, stage } = await rig.start(framework, { routes });
    const response = await fetch(`${url}/stream`);
    await stage.waiting;
    expect(await rig.events()).toEqual([]);
    stage.release();
    expect(await response.text()).toBe('first second');
    expect((await rig.events()).map(brief)).toEqual(['report:read success']);
  });

  it('a stream whose client hangs up in its midst', async () => {
    const running = await rig.start(framework, { routes });
    const socket = await running.raw('GET /stream HTTP/1.1\r\nhost: here\r\n\r\n');
    await once(socket, 'data');
    await running.stage.waiting;
    const closed = running.nextClose();
    socket.destroy();
    await closed;
    running.stage.release();
    await running.settled();
    expect((await rig.events()).map(brief)).toEqual(['report:read success']);
  });

  it('a stream that breaks off in its midst', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => {}); // Hono's server tells it there
    const running = await rig.start(framework, { routes });
    const response = await fetch(`${running.url}/torn`);
    await running.stage.waiting;
    const closed = running.nextClose();
    running.stage.fail(new Error('the disk is gone'));
    await expect(response.text()).rejects.toThrow();
    await closed;
    expect((await rig.events()).map(brief)).toEqual([
      'report:read failed {"status":200,"error":"broken off"}',
    ]);
  });

  it('a stream in whose midst the server destroys the connection', async () => {
    const running = await rig.start(framework, { routes });
    const connected = once(running.server, 'connection');
    const socket = await running.raw('GET /stream HTTP/1.1\r\nhost: here\r\n\r\n');
    await once(socket, 'data');
    const closed = running.nextClose();
    const [connection] = (await connected) as [Socket];
    connection.destroy();
    await closed;
    expect((await rig.events()).map(brief)).toEqual([
      'report:read failed {"status":200,"error":"broken off"}',
    ]);
  });

  it('a stream whose client resets the connection', async () => {
    const running = await rig.start(framework, { routes });
    const socket = await running.raw('GET /stream HTTP/1.1\r\nhost: here\r\n\r\n');
    await once(socket, 'data');
    await running.stage.waiting;
    const closed = running.nextClose();
    socket.resetAndDestroy();
    await closed;
    running.stage.release();
    await running.settled();
    expect((await rig.events()).map(brief)).toEqual(['report:read success']);
  });

  it('a connection that the server closes for its handler takes too long', async () => {
    const running = await rig.start(framework, { routes });
    const connected = once(running.server, 'connection');
    await running.raw(post('/late/201'));
    await running.stage.waiting;
    const closed = running.nextClose();
    const [connection] = (await connected) as [Socket];
    connection.setTimeout(1); // as server.setTimeout() does
    await closed;
    running.stage.release();
    await running.settled();
    expect((await rig.events()).map(brief)).toEqual(['thing:come success']);
  });

  it('several calls on one connection', async () => {
    const running = await rig.start(framework, { routes });
    const socket = await running.raw(
      post('/status/200') +
        post('/status/401') +
        post('/status/404') +
        post('/status/202', 'connection: close\r\n'),
    );
    await once(socket.resume(), 'close');
    expect((await rig.events()).map(brief)).toEqual([
      'thing:change success',
      'thing:change denied',
      'thing:change success',
    ]);
  });

  it('a call behind another one on a connection that is gone', async () => {
    const running = await rig.start(framework, { routes });
    const closed = running.nextClose();
    const socket = await running.raw(post('/never') + post('/status/200'));
    await running.stage.waiting;
    await running.settled(); // the second one is answered, and waits for the first
    socket.destroy();
    await closed;
    expect((await rig.events()).map(brief)).toEqual(['thing:change success']);
  });
});
