import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NoOpChecker } from '../../../src/checker.js';
import { systemClock } from '../../../src/clock.js';
import { unrecordedCount } from '../../../src/event/unrecorded.js';
import { auditActor } from '../../../src/interceptors/actor.js';
import {
  auditGrpc,
  type GrpcAuditOptions,
  type GrpcCall,
  tellAudit,
} from '../../../src/interceptors/grpc.js';
import { diagLog } from '../../support/diag-log.js';
import { brief, failure, grpcRig, type Handlers, type Thing } from './rig.js';

const rig = grpcRig();
const diagnostics = diagLog();

// What is told once a burst is told anew in each test.
let now = performance.now();
beforeEach(() => {
  now += 6000;
  jest.spyOn(systemClock, 'monotonic').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const answering: Handlers = {
  one: ({ request }, callback) => callback(null, { got: request.key }),
  take: (call, callback) => void call.resume().on('end', () => callback(null, { n: 2 })),
  give(call) {
    call.write({ n: 1 });
    call.write({ n: 2 });
    call.end();
  },
  talk(call) {
    call.on('data', () => call.write({ n: 1 }));
    call.on('end', () => call.end());
  },
};

const record = async (
  options: Partial<GrpcAuditOptions>,
  name: 'one' | 'take' | 'give' | 'talk' = 'one',
  handlers: Handlers = answering,
  metadata: Record<string, string> = {},
) => {
  const methods = { '/test.Things/*': 'thing:done' };
  const { ask } = await rig.start([auditGrpc({ methods, ...options })], handlers);
  await ask(name, { metadata });
  return rig.events();
};

describe('the events of a call', () => {
  it.each<[string, GrpcAuditOptions['methods'][string], string[]]>([
    ['one', 'flag:create', ['flag:created success']],
    ['several', ['flag:update', 'rule:delete'], ['flag:updated success', 'rule:deleted success']],
    ['none', () => undefined, []],
    ['by a function', ({ path }) => `thing:${path.slice(-3)}`, ['thing:One success']],
    [
      'by a function, with payloads and a status of their own',
      ({ request }: GrpcCall<Thing, Thing>) => [
        { event: 'flag:create', payload: { key: request?.key } },
        { event: 'flag:create', status: 'pending' },
      ],
      ['flag:created success {"key":"a"}', 'flag:created pending'],
    ],
    ['of the request', { event: 'a:b', payload: 'request' }, ['a:b success {"key":"a"}']],
    ['of the response', { event: 'a:b', payload: 'response' }, ['a:b success {"got":"a"}']],
    [
      'of both',
      {
        event: 'a:b',
        payload: ({ request, response }: GrpcCall<Thing, Thing>) => [request?.key, response?.got],
      },
      ['a:b success ["a","a"]'],
    ],
    ['of a record that nobody told', { event: 'a:b', payload: 'deleted' }, ['a:b success']],
  ])('may be %s', async (_what, method, expected) => {
    expect((await record({ methods: { '/test.Things/One': method } })).map(brief)).toEqual(
      expected,
    );
  });

  it('are those of the method itself rather than of its service', async () => {
    const methods = { '/test.Things/*': 'thing:done', '/test.Things/One': 'thing:created' };
    expect((await record({ methods })).map(brief)).toEqual(['thing:created success']);
    expect((await record({ methods }, 'give')).map(brief)).toContain('thing:done success');
  });

  it('are none of a method that is not named', async () => {
    expect(await record({ methods: { '/test.Things/Give': 'thing:done' } })).toEqual([]);
  });

  it.each([
    ['one', { request: { key: 'a' }, response: { got: 'a' }, received: 1, sent: 1 }],
    ['take', { request: { key: 'a' }, response: { n: 2 }, received: 2, sent: 1 }],
    ['give', { request: { key: 'a' }, received: 1, sent: 2 }],
    ['talk', { request: { key: 'a' }, received: 2, sent: 2 }],
  ] as const)('of kind %s know what went in and out', async (name, expected) => {
    const event = ({ request, response, received, sent }: GrpcCall) => ({
      event: 'thing:done',
      payload: { request, response, received, sent },
    });
    const [made] = await record({ methods: { '/test.Things/*': event } }, name);
    expect(made?.payload).toEqual(expected);
  });

  it('are made of what was answered, whatever becomes of it afterwards', async () => {
    const methods = { '/test.Things/*': { event: 'a:b', payload: 'response' } } as const;
    const events = await record({ methods }, 'one', {
      one(_call, callback) {
        const answer = { n: 1 };
        callback(null, answer);
        answer.n = 2;
      },
    });
    expect(events.map(brief)).toEqual(['a:b success {"n":1}']);
  });

  it('are counted and told where the function that names them fails', async () => {
    const before = unrecordedCount();
    const methods = { '/test.Things/*': () => JSON.parse('the secret') };
    expect(await record({ methods })).toEqual([]);
    expect(unrecordedCount()).toBe(before + 1);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: a gRPC call was not audited: it threw SyntaxError',
    ]);
  });

  it('are not made where the checker turns them away', async () => {
    const event = jest.fn(() => 'thing:done');
    const payload = jest.fn();
    const checker = new NoOpChecker();
    const methods = { '/test.Things/*': { event: 'thing:done', payload } };
    expect(await record({ methods, checker })).toEqual([]);
    expect(await record({ methods: { '/test.Things/*': { event, payload } }, checker })).toEqual(
      [],
    );
    expect(payload).not.toHaveBeenCalled();
  });

  it.each<[string, Partial<GrpcAuditOptions>, string[]]>([
    [
      'the payload is left out',
      { methods: { '/test.Things/*': { event: 'thing:done', payload: broken } } },
      ['thing:done success'],
    ],
    ['the actor is left out', { actor: broken }, ['thing:done success']],
    ['the event is lost', { methods: { '/test.Things/*': broken } }, []],
    [
      'a promise is no payload',
      { methods: { '/test.Things/*': { event: 'thing:done', payload: async () => 1 } } },
      ['thing:done success'],
    ],
    ['what is no event is lost', { methods: { '/test.Things/*': () => 'thing' } }, []],
  ])('suffer nothing to reach the caller: %s', async (_what, options, expected) => {
    const methods = { '/test.Things/*': 'thing:done' };
    const { ask } = await rig.start([auditGrpc({ methods, ...options })], answering);
    expect(await ask('one')).toMatchObject({ code: 0, messages: [{ got: 'a' }] });
    expect((await rig.events()).map(brief)).toEqual(expected);
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines.join()).not.toContain('s3crET');
  });

  it('say nothing of a failure but its code', async () => {
    const events = await record({ failures: true }, 'one', {
      one: (_call, callback) => callback(failure(9, 's3crET')),
    });
    expect(events.map(brief)).toEqual([
      'thing:done failed {"code":9,"error":"FAILED_PRECONDITION"}',
    ]);
  });
});

describe('who it was', () => {
  const actorsOf = (events: Awaited<ReturnType<typeof record>>) =>
    events.map(({ metadata }) => metadata.actor);
  const ip = '127.0.0.1';

  it('is the address of the connection, if nobody says more', async () => {
    expect(actorsOf(await record({}))).toEqual([{ ip }]);
  });

  it.each<[string, GrpcAuditOptions['trustProxy'], string, string]>([
    ['nobody’s word counts', undefined, '203.0.113.7', ip],
    ['one proxy’s', 1, '192.0.2.1, 203.0.113.7', '203.0.113.7'],
    ['a known proxy’s', ['loopback'], '192.0.2.1, 203.0.113.7', '203.0.113.7'],
    ['that of a proxy elsewhere', ['10.0.0.0/8'], '203.0.113.7', ip],
    ['one proxy’s, which says nonsense', 1, 'unknown', ip],
  ])(
    'has a forwarded address only where it is trusted: %s',
    async (_who, trustProxy, sent, found) => {
      const events = await record({ trustProxy }, 'one', answering, { 'x-forwarded-for': sent });
      expect(actorsOf(events)).toEqual([{ ip: found }]);
    },
  );

  it('is what `actor` makes of the metadata', async () => {
    const actor = ({ metadata }: GrpcCall) => ({ name: String(metadata.get('user')[0]) });
    const events = await record({ actor }, 'one', answering, { user: 'ada' });
    expect(actorsOf(events)).toEqual([{ name: 'ada', ip }]);
  });

  it('may have an address of its own', async () => {
    expect(actorsOf(await record({ actor: () => ({ ip: '::1' }) }))).toEqual([{ ip: '::1' }]);
  });

  it('is the innermost auditActor’s round the answer', async () => {
    const events = await record({}, 'one', {
      one: (_call, callback) => auditActor({ name: 'ada' }, () => callback(null, {})),
    });
    expect(actorsOf(events)).toEqual([{ name: 'ada', ip }]);
  });

  it.each(['one', 'take', 'give', 'talk'] as const)(
    'is what an interceptor told of a call of kind %s, after an await',
    async (name) => {
      const authenticate: ServerInterceptor = (_definition, call) =>
        new ServerInterceptingCall(call, {
          start: (next) =>
            next({
              async onReceiveMetadata(metadata, pass) {
                await new Promise(setImmediate);
                tellAudit({ actor: { name: String(metadata.get('user')[0]) } });
                pass(metadata);
              },
            }),
        });
      const { ask } = await rig.start(
        [auditGrpc({ methods: { '/test.Things/*': 'thing:done' } }), authenticate],
        answering,
      );
      await Promise.all(['ada', 'bob'].map((user) => ask(name, { metadata: { user } })));
      expect(actorsOf(await rig.events())).toEqual(
        expect.arrayContaining([
          { name: 'ada', ip },
          { name: 'bob', ip },
        ]),
      );
    },
  );
});

describe('what is told', () => {
  it('by each call’s own handler stays with that call', async () => {
    const methods = { '/test.Things/*': { event: 'thing:delete', payload: 'deleted' } } as const;
    const { client } = await rig.start([auditGrpc({ methods })], {
      async one({ request }, callback) {
        await new Promise(setImmediate);
        tellAudit({ deleted: { was: request.key } });
        await new Promise(setImmediate);
        callback(null, {});
      },
    });
    const { Metadata } = await import('@grpc/grpc-js');
    await Promise.all(
      ['a', 'b', 'c'].map(
        (key) =>
          new Promise((resolve) => {
            client.one({ key }, new Metadata(), {}, resolve as never);
          }),
      ),
    );
    const made = (await rig.events()).map(brief).sort();
    expect(made).toEqual(['a', 'b', 'c'].map((was) => `thing:deleted success {"was":"${was}"}`));
  });

  it('by listeners of a stream stays with its call', async () => {
    const methods = {
      '/test.Things/*': {
        event: 'thing:done',
        payload: ({ told }: GrpcCall) => told.last,
      },
    };
    const events = await record({ methods }, 'talk', {
      talk(call) {
        call.on('data', ({ key }: Thing) => tellAudit({ last: key }));
        call.on('end', () => call.end());
      },
    });
    expect(events.map(brief)).toEqual(['thing:done success "b"']);
  });

  it('under any name is only data', async () => {
    const events = await record(
      { methods: { '/test.Things/*': { event: 'a:b', payload: ({ told }) => told } } },
      'one',
      {
        one(_call, callback) {
          tellAudit(JSON.parse('{"__proto__":"x","constructor":"y"}'));
          callback(null, {});
        },
      },
    );
    expect(events.map(brief)).toEqual(['a:b success {"__proto__":"x","constructor":"y"}']);
  });

  it('outside of an audited call goes nowhere', () => {
    expect(() => tellAudit({ deleted: 1 })).not.toThrow();
  });
});

describe('auditGrpc', () => {
  it.each<[unknown, string]>([
    [undefined, 'auditGrpc takes an object of options, not undefined'],
    [{}, "auditGrpc.methods must be an object, as { '/flags.Flags/CreateFlag': 'flag:create' }"],
    [{ methods: [] }, 'auditGrpc.methods must be an object'],
    [{ methods: {}, metods: {} }, 'auditGrpc has no option "metods"'],
    [
      { methods: { CreateFlag: 'a:b' } },
      `auditGrpc.methods["CreateFlag"] must be a path, as '/flags.Flags/CreateFlag'`,
    ],
    [{ methods: { '/*': 'a:b' } }, 'must be a path'],
    [{ methods: { '/a.B/C': 'created' } }, `auditGrpc.methods["/a.B/C"] must be a noun, ':'`],
    [{ methods: { '/a.B/C': [] } }, 'must name at least one event'],
    [{ methods: { '/a.B/C': ['a:b', 7] } }, 'auditGrpc.methods["/a.B/C"][1] must be a text'],
    [{ methods: { '/a.B/C': { event: 7 } } }, 'auditGrpc.methods["/a.B/C"].event must be a text'],
    [{ methods: { '/a.B/C': { event: 'a:b', body: 1 } } }, 'has no option "body"'],
    [
      { methods: { '/a.B/C': { event: 'a:b', payload: 'all' } } },
      `auditGrpc.methods["/a.B/C"].payload must be 'request', 'response', 'deleted' or a function, not "all"`,
    ],
    [{ methods: {}, actor: {} }, 'auditGrpc.actor must be a function'],
    [{ methods: {}, failures: 1 }, 'auditGrpc.failures must be true or false'],
    [{ methods: {}, trustProxy: true }, 'auditGrpc.trustProxy must be the number of proxies'],
    [{ methods: {}, unansweredMs: 0 }, 'auditGrpc.unansweredMs must be a whole number from 1'],
    [{ methods: {}, durable: true }, 'auditGrpc: durable needs a sender'],
    [{ methods: {}, checker: {} }, 'auditGrpc: checker must be a checker'],
  ])('refuses %j', (options, message) => {
    expect(() => auditGrpc(options as GrpcAuditOptions)).toThrow(message);
    expect(() => auditGrpc(options as GrpcAuditOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    );
  });
});

function broken(): never {
  throw new Error('s3crET');
}
