import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { AuditError } from '../../../src/errors.js';
import type { AuditEvent } from '../../../src/event/event.js';
import { auditGrpc, type GrpcAuditOptions } from '../../../src/interceptors/grpc.js';
import type { AuditSender } from '../../../src/interceptors/record.js';
import { diagLog } from '../../support/diag-log.js';
import { brief, failure, gate, grpcRig, type Handlers, type Thing } from './rig.js';

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

const ALL = ['one', 'take', 'give', 'talk'] as const;
const methods: GrpcAuditOptions['methods'] = { '/test.Things/*': 'thing:done' };

const answering: Handlers = {
  one: (_call, callback) => callback(null, { n: 1 }),
  take: (call, callback) => void call.resume().on('end', () => callback(null, { n: 1 })),
  give(call) {
    call.write({ n: 1 });
    call.end();
  },
  talk(call) {
    call.write({ n: 1 });
    call.resume().on('end', () => call.end());
  },
};

/** A sender whose receipts come when the test says so. */
function heldSender() {
  const asked = gate<readonly AuditEvent[]>();
  const receipt = gate<unknown>();
  const sender: AuditSender = {
    async sendAudits(events) {
      asked.open(events);
      const fault = await receipt.opened;
      if (fault !== undefined) throw fault;
      return [];
    },
  };
  return { sender, asked: asked.opened, settle: receipt.open };
}

const LATE = new AuditError('timeout', 'no receipt within 30000 ms: s3crET stays out');

describe.each(ALL)('a durable call of kind %s', (name) => {
  it('is answered once its receipt is there', async () => {
    const { sender, asked, settle } = heldSender();
    const { ask } = await rig.start([auditGrpc({ methods, sender, durable: true })], answering);
    let isAnswered = false;
    const answer = ask(name).then((answered) => {
      isAnswered = true;
      return answered;
    });
    expect((await asked).map(brief)).toEqual(['thing:done success']);
    // A whole call of another kind goes through in the meantime.
    await (await rig.start([], answering)).ask('one');
    expect(isAnswered).toBe(false);
    settle(undefined);
    expect(await answer).toEqual({ code: 0, details: 'OK', messages: [{ n: 1 }] });
  });

  it('is answered UNAVAILABLE where there is no receipt', async () => {
    const { sender, settle } = heldSender();
    settle(LATE);
    const { ask } = await rig.start([auditGrpc({ methods, sender, durable: true })], answering);
    const { code, details, messages } = await ask(name);
    expect({ code, details }).toEqual({ code: 14, details: 'the audit log is not available' });
    // Of a stream the messages went before.
    expect(messages).toEqual(['give', 'talk'].includes(name) ? [{ n: 1 }] : []);
    expect(diagnostics.lines.join()).toContain('answered UNAVAILABLE');
  });

  it('is denied once that is on record, and UNAVAILABLE if it cannot be', async () => {
    const denying: Handlers = {
      one: (_call, callback) => callback(failure(7)),
      take: (call, callback) => void call.resume().on('end', () => callback(failure(7))),
      give: (call) => void call.emit('error', failure(7)),
      talk: (call) => void call.emit('error', failure(7)),
    };
    for (const [fault, code] of [
      [undefined, 7],
      [LATE, 14],
    ] as const) {
      const { sender, asked, settle } = heldSender();
      settle(fault);
      const { ask } = await rig.start([auditGrpc({ methods, sender, durable: true })], denying);
      expect((await ask(name)).code).toBe(code);
      expect((await asked).map(brief)).toEqual(['thing:done denied']);
    }
  });
});

describe('a durable call', () => {
  it('has its events in the ledger of an exporter by then', async () => {
    const { ask } = await rig.start(
      [auditGrpc({ methods, sender: rig.exporter, durable: true })],
      answering,
    );
    const answer = await ask('one');
    expect(answer.code).toBe(0);
    expect((await rig.events()).map(brief)).toEqual(['thing:done success']);
    expect((await rig.events())[0]!.trace?.traceId).toBe(
      rig.spans
        .getFinishedSpans()
        .find(({ kind }) => kind === 1)
        ?.spanContext().traceId,
    );
  });

  it('waits no longer than it is told', async () => {
    const sender: AuditSender = {
      sendAudits: (_events, options) =>
        Promise.reject(new AuditError('timeout', `${options?.timeoutMs} ${options?.until}`)),
    };
    const options = { methods, sender, durable: true, timeoutMs: 7 };
    const { ask } = await rig.start([auditGrpc(options)], answering);
    expect((await ask('one')).code).toBe(14);
    expect(diagnostics.lines.join()).toContain('7 durable');
  });

  it.each<[string, Partial<GrpcAuditOptions>]>([
    ['payload', { methods: { '/test.Things/*': { event: 'thing:done', payload: broken } } }],
    ['event', { methods: { '/test.Things/*': broken } }],
    ['actor', { actor: broken }],
    ['checker', { checker: { check: broken, events: () => [] } }],
  ])('is answered UNAVAILABLE where its %s cannot be made', async (_what, options) => {
    const { ask } = await rig.start(
      [auditGrpc({ methods, sender: rig.exporter, durable: true, ...options })],
      answering,
    );
    const { code } = await ask('one');
    expect(code).toBe(14);
    expect(diagnostics.lines.join()).not.toContain('s3crET');
  });

  it('that is not recorded does not wait', async () => {
    const sender: AuditSender = { sendAudits: () => new Promise(() => {}) };
    const { ask } = await rig.start([auditGrpc({ methods, sender, durable: true })], {
      one: (_call, callback) => callback(failure(5)),
    });
    expect((await ask('one')).code).toBe(5);
  });

  it('is refused once, whatever its handler goes on to send', async () => {
    const { sender, settle } = heldSender();
    const { ask } = await rig.start([auditGrpc({ methods, sender, durable: true })], {
      one(_call, callback) {
        callback(null, { n: 1 });
        callback(null, { n: 2 } as Thing);
        settle(LATE);
      },
    });
    expect(await ask('one')).toMatchObject({ code: 14, messages: [] });
  });

  it('whose answer cannot be sent is not left open', async () => {
    const { ask } = await rig.start(
      [auditGrpc({ methods, sender: rig.exporter, durable: true })],
      { one: (_call, callback) => callback(failure(7, '\ud800')) }, // which is no URI text
    );
    expect((await ask('one')).code).toBe(13);
    expect(diagnostics.lines.join()).toContain('could not be answered');
  });
});

function broken(): never {
  throw new Error('s3crET');
}
