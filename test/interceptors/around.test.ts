import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { context, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { Checker } from '../../src/checker.js';
import { AuditError } from '../../src/errors.js';
import { auditActor } from '../../src/interceptors/actor.js';
import { type AuditedCall, withAudit } from '../../src/interceptors/around.js';
import { diagLog } from '../support/diag-log.js';
import { exporterRig } from '../support/exporter-rig.js';

const refund = { type: 'invoice', action: 'refunded' } as const;
class CardDeclined extends Error {}
class ForbiddenError extends Error {}
const failWith = (error: unknown) => (): never => {
  throw error;
};

describe('withAudit', () => {
  const diagnostics = diagLog();
  const manager = new AsyncLocalStorageContextManager();
  beforeAll(() => {
    context.setGlobalContextManager(manager.enable());
  });
  afterAll(() => context.disable());
  const tracer = new BasicTracerProvider().getTracer('test');
  let span: Span & ReadableSpan;
  beforeEach(() => {
    span = tracer.startSpan('request') as Span & ReadableSpan;
  });
  const inSpan = <T>(fn: () => T): T => context.with(trace.setSpan(context.active(), span), fn);
  const recorded = () =>
    span.events.map(({ attributes = {} }) => ({
      status: attributes['flipt.event.status'],
      actor: JSON.parse(String(attributes['flipt.event.metadata.actor'])),
      payload: JSON.parse(String(attributes['flipt.event.payload'] ?? 'null')),
    }));

  describe('round a function', () => {
    it('returns what it returns, and records a success', () => {
      const result = { id: 7 };
      expect(inSpan(() => withAudit(refund, () => result))).toBe(result);
      expect(recorded()).toEqual([{ status: 'success', actor: null, payload: null }]);
      expect(span.events[0]!.attributes).toMatchObject({
        'flipt.event.type': 'invoice',
        'flipt.event.action': 'refunded',
      });
    });

    it('throws what it throws, and records that it failed, by the error’s name alone', () => {
      const fault = new CardDeclined('number 4111');
      expect(() => inSpan(() => withAudit(refund, failWith(fault)))).toThrow(fault);
      expect(recorded()).toEqual([
        { status: 'failed', actor: null, payload: { error: 'CardDeclined' } },
      ]);
    });

    it('records who was not allowed as denied', () => {
      const fault = new ForbiddenError('no');
      expect(() => inSpan(() => withAudit(refund, failWith(fault)))).toThrow(fault);
      expect(recorded()).toMatchObject([
        { status: 'denied', payload: { error: 'ForbiddenError' } },
      ]);
    });

    it('asks isDenied instead where there is one', () => {
      const isDenied = (error: unknown) => error instanceof CardDeclined;
      for (const fault of [new CardDeclined(''), new ForbiddenError('')]) {
        expect(() => inSpan(() => withAudit({ ...refund, isDenied }, failWith(fault)))).toThrow(
          fault,
        );
      }
      expect(recorded()).toMatchObject([{ status: 'denied' }, { status: 'failed' }]);
    });

    it('takes an isDenied that is async for a no', () => {
      const isDenied = (async () => true) as unknown as () => boolean;
      expect(() =>
        inSpan(() => withAudit({ ...refund, isDenied }, failWith(new CardDeclined('')))),
      ).toThrow();
      expect(recorded()).toMatchObject([{ status: 'failed' }]);
    });

    it('takes an isDenied that fails for a no', () => {
      const fault = new ForbiddenError('');
      const isDenied = failWith(new Error('x'));
      expect(() => inSpan(() => withAudit({ ...refund, isDenied }, failWith(fault)))).toThrow(
        fault,
      );
      expect(recorded()).toMatchObject([{ status: 'failed' }]);
      expect(diagnostics.lines).toEqual([expect.stringContaining('isDenied')]);
    });
  });

  describe('round an async function', () => {
    it('resolves with what it resolves with, and records once it has', async () => {
      let settle: (value: number) => void = () => {};
      const pending = inSpan(() =>
        withAudit(
          { ...refund, payload: (n) => ({ n }) },
          () =>
            new Promise<number>((resolve) => {
              settle = resolve;
            }),
        ),
      );
      expect(recorded()).toEqual([]);
      settle(7);
      expect(await pending).toBe(7);
      expect(recorded()).toMatchObject([{ status: 'success', payload: { n: 7 } }]);
    });

    it('rejects with what it rejects with, and records that', async () => {
      const fault = Object.assign(new Error('no'), { statusCode: 403 });
      const work = async () => {
        await null;
        throw fault;
      };
      await expect(inSpan(() => withAudit(refund, work))).rejects.toBe(fault);
      expect(recorded()).toMatchObject([{ status: 'denied', payload: { error: 'Error' } }]);
    });

    it('starts a query that starts with then once only', async () => {
      let started = 0;
      const query = {
        // biome-ignore lint/suspicious/noThenProperty: queries of some libraries are such objects
        then(onResolved: (value: number) => void) {
          started += 1;
          setImmediate(onResolved, 7);
        },
      } as PromiseLike<number>;
      expect(await inSpan(() => withAudit(refund, () => query))).toBe(7);
      expect(started).toBe(1);
      expect(recorded()).toHaveLength(1);
    });

    it('records on the span of the call, though another one is active by then', async () => {
      const other = tracer.startSpan('later') as Span & ReadableSpan;
      await inSpan(() =>
        withAudit(refund, () =>
          context.with(trace.setSpan(context.active(), other), async () => 7),
        ),
      );
      expect(recorded()).toHaveLength(1);
      expect(other.events).toHaveLength(0);
    });
  });

  describe('the actor', () => {
    it('is the given one', () => {
      inSpan(() =>
        auditActor({ name: 'Bob' }, () =>
          withAudit({ ...refund, actor: { name: 'Ann' } }, () => 7),
        ),
      );
      expect(recorded()).toMatchObject([{ actor: { name: 'Ann' } }]);
    });

    it('is otherwise the one of the context, also after an await', async () => {
      await inSpan(() =>
        auditActor({ name: 'Bob' }, async () => {
          await null;
          await withAudit(refund, async () => 7);
        }),
      );
      expect(recorded()).toMatchObject([{ actor: { name: 'Bob' } }]);
    });
  });

  describe('the payload', () => {
    it.each<[string, AuditedCall['payload'], unknown]>([
      ['an object', { id: 7 }, { id: 7, error: 'CardDeclined' }],
      ['a text', 'i-7', { payload: 'i-7', error: 'CardDeclined' }],
      ['a list', [7], { payload: [7], error: 'CardDeclined' }],
      ['null', null, { error: 'CardDeclined' }],
    ])('is recorded whatever the outcome: %s', (_, payload, ofFailure) => {
      inSpan(() => withAudit({ ...refund, payload }, () => 7));
      expect(() =>
        inSpan(() => withAudit({ ...refund, payload }, failWith(new CardDeclined('x')))),
      ).toThrow();
      expect(recorded().map(({ payload }) => payload)).toEqual([payload, ofFailure]);
    });

    it('is made of the result after a success alone', () => {
      const payload = jest.fn((result: { id: number }) => ({ ...result, secret: undefined }));
      inSpan(() => withAudit({ ...refund, payload }, () => ({ id: 7, secret: 'x' })));
      expect(() => inSpan(() => withAudit({ ...refund, payload }, failWith(7)))).toThrow();
      expect(payload).toHaveBeenCalledTimes(1);
      expect(recorded()).toMatchObject([{ payload: { id: 7 } }, { payload: { error: 'number' } }]);
      expect(JSON.stringify(recorded())).not.toContain('secret');
    });

    it('is left out where its function fails; the event is recorded', () => {
      const payload = failWith(new TypeError('secret'));
      expect(inSpan(() => withAudit({ ...refund, payload }, () => 7))).toBe(7);
      expect(recorded()).toEqual([{ status: 'success', actor: null, payload: null }]);
      expect(diagnostics.lines).toEqual([
        'error otel-audit: the payload of an audited function is left out: it threw TypeError',
      ]);
    });

    it('is left out where its function is async, for nobody would wait for it', async () => {
      const payload = async () => ({ id: 7 });
      inSpan(() => withAudit({ ...refund, payload }, () => 7));
      expect(recorded()).toMatchObject([{ status: 'success', payload: null }]);
    });

    it('is not made for a pair that the checker turns away', () => {
      const payload = jest.fn(() => 7);
      const checker = new Checker(['flag:*']);
      expect(inSpan(() => withAudit({ ...refund, payload, checker }, () => 8))).toBe(8);
      expect(payload).not.toHaveBeenCalled();
      expect(recorded()).toEqual([]);
    });
  });

  describe('durably', () => {
    const rig = exporterRig();
    const statuses = () => rig.lines().map(({ event }) => (event as { status: string }).status);

    it('resolves once the event is in the ledger', async () => {
      const { exporter: sender } = rig.open({ sinks: {} });
      const call = { ...refund, sender, durable: true } as const;
      expect(await withAudit(call, () => 7)).toBe(7);
      expect(await withAudit(call, async () => 8)).toBe(8);
      expect(statuses()).toEqual(['success', 'success']);
    });

    it('rejects with what the function threw, once that is in the ledger', async () => {
      const { exporter: sender } = rig.open({ sinks: {} });
      const fault = new ForbiddenError('no');
      const call = { ...refund, sender, durable: true } as const;
      await expect(withAudit(call, failWith(fault))).rejects.toBe(fault);
      await expect(withAudit(call, async () => failWith(fault)())).rejects.toBe(fault);
      expect(statuses()).toEqual(['denied', 'denied']);
    });

    it('rejects when there is no receipt to be had, and says what the function threw', async () => {
      const { exporter: sender } = rig.open({ sinks: {} });
      await sender.shutdown();
      const call = { ...refund, sender, durable: true } as const;
      const run = jest.fn(() => 7);
      await expect(withAudit(call, run)).rejects.toMatchObject({ code: 'shutdown' });
      expect(run).toHaveBeenCalledTimes(1);
      const fault = new CardDeclined('x');
      await expect(withAudit(call, failWith(fault))).rejects.toMatchObject({
        name: 'AuditError',
        code: 'shutdown',
        cause: fault,
      });
    });

    it('rejects when the payload cannot be made', async () => {
      const { exporter: sender } = rig.open({ sinks: {} });
      const fault = new TypeError('x');
      const call = { ...refund, sender, durable: true, payload: failWith(fault) } as const;
      await expect(withAudit(call, () => 7)).rejects.toBe(fault);
      await expect(withAudit({ ...call, payload: { n: 1n } }, () => 7)).rejects.toMatchObject({
        code: 'invalid-event',
      });
      expect(rig.lines()).toEqual([]);
    });
  });

  describe('is refused before the function runs', () => {
    const run = jest.fn();
    afterEach(() => {
      expect(run).not.toHaveBeenCalled();
    });

    it.each<[string, unknown, string]>([
      ['durable without a sender', { ...refund, durable: true }, 'durable needs a sender'],
      ['with a misspelt option', { ...refund, durabel: true }, 'has no option "durabel"'],
      [
        'durable without a noun',
        { ...refund, type: '', durable: true, sender: { sendAudits: async () => [] } },
        'type must not be empty',
      ],
      [
        'durable with a verb that is no text',
        { ...refund, action: 7, durable: true, sender: { sendAudits: async () => [] } },
        'action must be a text',
      ],
      ['without a call', undefined, 'takes { type, action }, a function'],
      ['with an isDenied that is none', { ...refund, isDenied: 403 }, 'isDenied must be'],
    ])('%s', (_, call, message) => {
      expect(() => withAudit(call as AuditedCall & { durable: false }, run)).toThrow(AuditError);
      expect(() => withAudit(call as AuditedCall & { durable: false }, run)).toThrow(
        `withAudit: ${message}`,
      );
    });

    it('without a function', () => {
      expect(() => withAudit(refund, undefined as unknown as () => 7)).toThrow(
        'withAudit: fn must be a function',
      );
    });
  });

  it('runs the function although type and action make no event', () => {
    expect(inSpan(() => withAudit({ type: '', action: 'a' }, () => 7))).toBe(7);
    expect(recorded()).toEqual([]);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: an audit event was not made: type must not be empty',
    ]);
  });
});
