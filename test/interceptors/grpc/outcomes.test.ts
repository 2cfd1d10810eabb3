import { type EventEmitter, once } from 'node:events';
import http2 from 'node:http2';
import type { sendUnaryData } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { auditGrpc, type GrpcAuditOptions } from '../../../src/interceptors/grpc.js';
import { brief, failure, gate, grpcRig, type Handlers, type Thing } from './rig.js';

const rig = grpcRig();

const methods: GrpcAuditOptions['methods'] = { '/test.Things/*': 'thing:done' };
const ALL = ['one', 'take', 'give', 'talk'] as const;

/** Handlers of all kinds that answer with an error. */
const failing = (code: number): Handlers => ({
  one: (_call, callback) => callback(failure(code)),
  take: (call, callback) => call.resume().on('end', () => callback(failure(code))),
  give: (call) => void call.emit('error', failure(code)),
  talk: (call) => void call.resume().on('end', () => call.emit('error', failure(code))),
});

const answering: Handlers = {
  one: ({ request }, callback) => callback(null, { got: request.key }),
  take: (call, callback) => {
    const keys: unknown[] = [];
    call.on('data', ({ key }: Thing) => keys.push(key));
    call.on('end', () => callback(null, { got: keys }));
  },
  give(call) {
    call.write({ n: 1 });
    call.write({ n: 2 });
    call.end();
  },
  talk(call) {
    call.on('data', ({ key }: Thing) => call.write({ got: key }));
    call.on('end', () => call.end());
  },
};

const throwing: Handlers = {
  one() {
    throw new Error('secret');
  },
  take() {
    throw new Error('secret');
  },
  give() {
    throw new Error('secret');
  },
  talk() {
    throw new Error('secret');
  },
};

/** Handlers that wait to be let go, and tell when they began and when their call was cut short. */
function waiting() {
  const began = gate();
  const cut = gate();
  const go = gate<Error | null>();
  const wait = (call: EventEmitter, callback?: sendUnaryData<Thing>) => {
    call.once('cancelled', () => cut.open());
    began.open();
    if (callback === undefined) return;
    void go.opened.then((error) => callback(error, error === null ? { got: 'late' } : undefined));
  };
  const handlers: Handlers = {
    one: (call, callback) => wait(call, callback),
    take: (call, callback) => void call.resume().on('end', () => wait(call, callback)),
    give(call) {
      call.write({ n: 1 });
      wait(call);
    },
    talk(call) {
      call.resume().write({ n: 1 });
      wait(call);
    },
  };
  return { handlers, began: began.opened, cut: cut.opened, go: go.open };
}

describe.each(ALL)('a call of kind %s', (name) => {
  it.each<[string, Handlers, boolean, number, string | undefined]>([
    ['that is answered', answering, false, 0, 'thing:done success'],
    ['that is denied', failing(7), false, 7, 'thing:done denied'],
    ['without credentials', failing(16), false, 16, 'thing:done denied'],
    ['that fails', failing(13), false, 13, undefined],
    ['that fails, recorded', failing(13), true, 13, 'failed {"code":13,"error":"INTERNAL"}'],
    ['of what is not there', failing(5), true, 5, 'failed {"code":5,"error":"NOT_FOUND"}'],
    ['whose handler throws', throwing, false, 2, undefined],
    ['whose handler throws, recorded', throwing, true, 2, 'failed {"code":2,"error":"UNKNOWN"}'],
    [
      'answered by a code of its own',
      failing(99),
      true,
      99,
      'failed {"code":99,"error":"UNKNOWN"}',
    ],
  ])('%s', async (_what, handlers, failures, code, expected) => {
    const { ask } = await rig.start(
      [auditGrpc({ methods: { '/test.Things/*': 'thing:done' }, failures })],
      handlers,
    );
    expect((await ask(name)).code).toBe(code);
    const events = (await rig.events()).map(brief);
    expect(events).toEqual(expected === undefined ? [] : [expect.stringContaining(expected)]);
  });

  it('is answered as if nobody watched', async () => {
    const { ask } = await rig.start([auditGrpc({ methods })], answering);
    const unwatched = await rig.start([], answering);
    expect(await ask(name)).toEqual(await unwatched.ask(name));
  });
});

describe.each(['one', 'take'] as const)('a call of kind %s that is cut short', (name) => {
  it.each([
    ['answer', null, 'thing:done success {"got":"late"}'],
    ['refuse', failure(7), 'thing:done denied'],
    ['fail', failure(13), 'thing:done failed {"code":13,"error":"INTERNAL"}'],
  ])('while its handler goes on to %s', async (_what, error, expected) => {
    const { handlers, began, cut, go } = waiting();
    const { ask } = await rig.start(
      [auditGrpc({ methods: { '/test.Things/*': { event: 'thing:done', payload: 'response' } } })],
      handlers,
    );
    const answer = ask(name, { started: (call) => void began.then(() => call.cancel()) });
    expect((await answer).code).toBe(1);
    await cut;
    expect(await rig.events()).toEqual([]); // nobody knows yet
    go(error);
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([expected]);
  });

  it('and whose handler never answers', async () => {
    const { handlers, began } = waiting();
    const { ask } = await rig.start([auditGrpc({ methods, unansweredMs: 1 })], handlers);
    await ask(name, { started: (call) => void began.then(() => call.cancel()) });
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":1,"error":"CANCELLED"}',
    ]);
  });

  it('by its deadline, and whose handler never answers', async () => {
    const { handlers } = waiting();
    const { ask } = await rig.start([auditGrpc({ methods, unansweredMs: 1 })], handlers);
    // Without a deadline of its own the client waits for the server's word.
    expect((await ask(name, { metadata: { 'grpc-timeout': '50m' } })).code).toBe(4);
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":4,"error":"DEADLINE_EXCEEDED"}',
    ]);
  });

  it('by its deadline, while its handler goes on to answer', async () => {
    const { handlers, cut, go } = waiting();
    const { ask } = await rig.start([auditGrpc({ methods })], handlers);
    expect((await ask(name, { options: { deadline: Date.now() + 50 } })).code).toBe(4);
    await cut;
    go(null);
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual(['thing:done success']);
  });

  it('by a server that is shut down', async () => {
    const { handlers, began } = waiting();
    const { ask, server } = await rig.start([auditGrpc({ methods, unansweredMs: 1 })], handlers);
    await ask(name, { started: () => void began.then(() => server.forceShutdown()) });
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":1,"error":"CANCELLED"}',
    ]);
  });
});

describe.each(['give', 'talk'] as const)('a call of kind %s that is cut short', (name) => {
  it('in its midst', async () => {
    const { handlers, began } = waiting();
    const { ask } = await rig.start([auditGrpc({ methods })], handlers);
    await ask(name, { started: (call) => void began.then(() => call.cancel()) });
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":1,"error":"CANCELLED"}',
    ]);
  });

  it('by its deadline', async () => {
    const { handlers } = waiting();
    const { ask } = await rig.start([auditGrpc({ methods })], handlers);
    expect((await ask(name, { metadata: { 'grpc-timeout': '50m' } })).code).toBe(4);
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":4,"error":"DEADLINE_EXCEEDED"}',
    ]);
  });

  it('by an answer that cannot be sent', async () => {
    const { ask } = await rig.start([auditGrpc({ methods })], {
      give: (call) => void call.write({ n: 1n as unknown }), // which JSON does not know
      talk: (call) => void call.write({ n: 1n as unknown }),
    });
    expect((await ask(name)).code).toBe(13);
    await rig.count(1);
    expect((await rig.events()).map(brief)).toEqual([
      'thing:done failed {"code":13,"error":"INTERNAL"}',
    ]);
  });
});

describe('a call whose deadline passes before its request is whole', () => {
  it.each(['One', 'Give'])('is none of kind %s, for no handler was called', async (name) => {
    const { port } = await rig.start([auditGrpc({ methods, unansweredMs: 1 })], answering);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/test.Things/${name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '20m',
    });
    stream.write(Buffer.from([0, 0, 0, 0, 100])); // a message of 100 bytes, which do not come
    const [headers] = await once(stream, 'response');
    expect(headers['grpc-status']).toBe('4');
    stream.resume().close(http2.constants.NGHTTP2_NO_ERROR);
    await once(stream, 'close');
    session.close();
    await once(session, 'close');
    expect(await rig.events()).toEqual([]);
  });
});
