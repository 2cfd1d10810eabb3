import { describe, expect, it } from '@jest/globals';
import { AuditError } from '../../src/errors.js';
import { encodeEvent } from '../../src/event/attributes.js';
import { Reporter } from '../../src/exporter/reporter.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  idsOf,
  spanOf,
  type Told,
} from '../support/exporter-rig.js';
import { fakeClock } from '../support/fake-clock.js';
import { settle } from '../support/settle.js';

const diagnostics = diagLog();
const rig = exporterRig();

const lost = (n: number) => new AuditError('queue-full', `event ${n} is lost`);

describe('a reporter', () => {
  it('tells diag once a burst and subject, with how many the last one left unsaid', () => {
    const clock = fakeClock();
    const reporter = new Reporter(clock, undefined);
    for (let n = 1; n <= 3; n += 1) reporter.error('lost', lost(n));
    reporter.error('sink a', new AuditError('sink-failed', 'another subject'));
    clock.advance(4000);
    reporter.error('lost', lost(4));
    clock.advance(4000);
    reporter.error('lost', lost(5));
    clock.advance(5001);
    reporter.error('lost', lost(6));
    expect(diagnostics.lines).toEqual([
      'error otel-audit: event 1 is lost',
      'error otel-audit: another subject',
      'error otel-audit: event 6 is lost (and 4 more like it before)',
    ]);
  });

  it('tells onError once a turn and subject, with every event it happened to', async () => {
    const told: Told[] = [];
    const reporter = new Reporter(fakeClock(), (error, context) => told.push({ error, context }));
    const events = flags(3);
    for (const event of events) {
      await null; // promises that are settled belong to the turn
      reporter.error('lost', lost(1), { events: [event] });
    }
    reporter.error('sink a', lost(2), { sink: 'a' });
    await settle();
    expect(told).toMatchObject([
      {
        error: { code: 'queue-full', message: 'event 1 is lost (and 2 more like it)' },
        context: { events },
      },
      { error: { code: 'queue-full', message: 'event 2 is lost' }, context: { sink: 'a' } },
    ]);
    reporter.error('lost', lost(3));
    await settle();
    expect(told[2]!.error.message).toBe('event 3 is lost');
  });

  it('tells diag once a burst that onError throws', () => {
    const reporter = new Reporter(fakeClock(), () => {
      throw new Error('handler broke');
    });
    for (let n = 1; n <= 3; n += 1) {
      reporter.error('lost', lost(n));
      reporter.tell();
    }
    expect(diagnostics.lines.filter((line) => line.includes('onError threw'))).toHaveLength(1);
  });

  it('hands on no more than a thousand events of one turn', async () => {
    const told: Told[] = [];
    const reporter = new Reporter(fakeClock(), (error, context) => told.push({ error, context }));
    for (const event of flags(1500)) reporter.error('lost', lost(1), { events: [event] });
    await settle();
    expect(told).toHaveLength(1);
    expect(told[0]!.error.message).toBe('event 1 is lost (and 1499 more like it)');
    expect(told[0]!.context.events).toHaveLength(1000);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('handler broke'))],
    [
      'returns a promise that rejects',
      () => {
        throw new Error('handler broke');
      },
    ],
  ])('survives an onError that %s', async (_, onError) => {
    const sink = recordingSink();
    const { exporter } = rig.openMemory({ sinks: { memory: sink }, onError });
    const malformed = { 'flipt.event.type': 'flag' };
    expect(await exported(exporter, spanOf([malformed, encodeEvent(created)]))).toEqual({
      code: 0,
    });
    await settle();
    expect(idsOf(sink.events)).toEqual([created.id]);
    expect(diagnostics.lines).toContain('error otel-audit: onError threw: handler broke');
  });
});
