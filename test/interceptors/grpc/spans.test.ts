import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { auditGrpc, type GrpcAuditOptions } from '../../../src/interceptors/grpc.js';
import { diagLog } from '../../support/diag-log.js';
import { brief, grpcRig, type Handlers, type RigOptions } from './rig.js';

const ALL = ['one', 'take', 'give', 'talk'] as const;
const methods: GrpcAuditOptions['methods'] = { '/test.Things/*': 'thing:done' };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const metadata = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };

const answering: Handlers = {
  one: (_call, callback) => callback(null, {}),
  take: (call, callback) => void call.resume().on('end', () => callback(null, {})),
  give: (call) => void call.end(),
  talk: (call) => void call.resume().on('end', () => call.end()),
};

const SETTINGS: readonly [string, RigOptions][] = [
  ['the instrumentation on, events captured as they are added', {}],
  ['the instrumentation on, events read from ended spans', { by: 'span end' }],
  ['the instrumentation off, events captured as they are added', { instrumented: false }],
  ['the instrumentation off, events read from spans', { instrumented: false, by: 'span end' }],
];

describe.each(SETTINGS)('with %s', (_what, options) => {
  const rig = grpcRig(options);
  const diagnostics = diagLog();

  it.each(ALL)('a call of kind %s is recorded once, in the trace of its caller', async (name) => {
    const { ask } = await rig.start([auditGrpc({ methods })], answering);
    expect((await ask(name, { metadata })).code).toBe(0);
    const events = await rig.events();
    expect(events.map(brief)).toEqual(['thing:done success']);
    expect(events[0]!.trace?.traceId).toBe(TRACE);
    expect(diagnostics.lines).toEqual([]); // nobody is warned of a span that has ended
  });

  it.each(ALL)('a call of kind %s goes to the sender where no span takes it', async (name) => {
    const audit = auditGrpc({ methods, sender: rig.exporter });
    const { ask } = await rig.start([audit], answering);
    expect((await ask(name, { metadata })).code).toBe(0);
    await rig.count(1);
    const events = await rig.events();
    expect(events.map(brief)).toEqual(['thing:done success']);
    expect(events[0]!.trace?.traceId).toBe(TRACE);
  });

  it('a call that is refused before its handler is recorded in the trace of its caller', async () => {
    const refuse: ServerInterceptor = (_definition, call) =>
      new ServerInterceptingCall(call, {
        start: (next) =>
          next({ onReceiveMetadata: () => call.sendStatus({ code: 7, details: 'no' }) }),
      });
    const { ask } = await rig.start([auditGrpc({ methods }), refuse], answering);
    expect((await ask('one', { metadata })).code).toBe(7);
    const events = await rig.events();
    expect(events.map(brief)).toEqual(['thing:done denied']);
    expect(events[0]!.trace?.traceId).toBe(TRACE);
  });

  it('what a handler answers without its context is recorded too', async () => {
    const { ask } = await rig.start([auditGrpc({ methods })], {
      one: (_call, callback) => outside(() => callback(null, {})),
    });
    await ask('one', { metadata });
    expect((await rig.events()).map(brief)).toEqual(['thing:done success']);
  });
});

// A queue that was made before, so that what runs there has nobody's context.
const jobs: (() => void)[] = [];
setInterval(() => jobs.shift()?.(), 1).unref();
const outside = (job: () => void): void => void jobs.push(job);
