import { describe, expect, it } from '@jest/globals';
import { Checker } from '../../src/checker.js';
import { addEventToSpan } from '../../src/event/span.js';
import { SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  heldSink,
  rule,
  spanOf,
  spanWith,
  updated,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';

diagLog();
const disk = diskFaults();
const rig = exporterRig();

describe('stats', () => {
  it('count what was taken, turned away and malformed, and what each sink did', async () => {
    const down = recordingSink();
    const { exporter, clock } = rig.open({
      sinks: { quick: recordingSink(), down },
      checker: new Checker(['*:created']),
    });
    const { unrecorded } = exporter.stats();
    const none = { delivered: 0, rejected: 0, failedAttempts: 0, deadLetters: 0, lost: 0 };
    expect(exporter.stats()).toEqual({
      emitted: 0,
      rejected: 0,
      malformed: 0,
      dropped: 0,
      unrecorded,
      pending: 0,
      sinks: { quick: { ...none, backlog: 0 }, down: { ...none, backlog: 0 } },
    });
    down.failWith(new Error('down'));
    const malformed = { 'flipt.event.type': 'flag' };
    await exported(exporter, spanWith(created, updated, rule), spanOf([malformed]));
    await clock.pass(2000);
    await until(() => exporter.stats().sinks.quick!.backlog === 0);
    expect(exporter.stats()).toMatchObject({
      emitted: 2,
      rejected: 1,
      malformed: 1,
      pending: 3,
      sinks: {
        quick: { delivered: 2, failedAttempts: 0, backlog: 0 },
        down: { delivered: 0, failedAttempts: 2, backlog: 3 },
      },
    });
    down.failWith();
    await exporter.forceFlush();
    expect(exporter.stats()).toMatchObject({ pending: 0, sinks: { down: { delivered: 2 } } });
  });

  it('count, for the whole process, what addEventToSpan could not record', () => {
    const { exporter } = rig.open({ sinks: {} });
    const before = exporter.stats().unrecorded;
    expect(addEventToSpan(created)).toBe(false);
    expect(exporter.stats().unrecorded).toBe(before + 1);
  });

  it('say what is not durable yet, where there is no sink', async () => {
    const { exporter } = rig.open({ sinks: {} });
    disk.holdSyncs = true;
    exporter.export([spanWith(created, rule)], () => {});
    await settle();
    expect(exporter.stats().pending).toBe(2);
    disk.finishSyncs();
    await settle();
    expect(exporter.stats().pending).toBe(0);
  });
});

describe('health', () => {
  it('is well when all is', async () => {
    const { exporter } = rig.open({ sinks: { memory: recordingSink() } });
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
    await exported(exporter, spanWith(created));
    await exporter.forceFlush();
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
  });

  it('names the sink that fails, how, for how long, and what waits', async () => {
    const [quick, down] = [recordingSink(), recordingSink()];
    const { exporter, clock } = rig.open({ sinks: { quick, down } });
    down.failWith(new SinkError('sink', 'HTTP 401'));
    await exporter.sendAudits(flags(3));
    await clock.pass(1000);
    await clock.pass(60_000);
    expect(exporter.health()).toEqual({
      ok: false,
      problems: [{ sink: 'down', message: 'HTTP 401', forMs: 60_000, waiting: 3 }],
    });
    down.failWith();
    await exporter.forceFlush();
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
  });

  it('names a sink that does not even answer', async () => {
    const { exporter, clock } = rig.open({ sinks: { hung: heldSink().sink } });
    await exporter.sendAudits([created]);
    await clock.pass(30_999);
    expect(exporter.health().ok).toBe(true);
    await clock.pass(5001);
    expect(exporter.health()).toMatchObject({
      ok: false,
      problems: [{ sink: 'hung', forMs: 5000, waiting: 1 }],
    });
  });

  it('says that the disk is full, for how long, and how many bytes wait', async () => {
    const { exporter, clock } = rig.open({ sinks: {} });
    disk.space = 0;
    exporter.export([spanWith(created)], () => {});
    await clock.pass(5000);
    const { ok, problems } = exporter.health();
    expect(ok).toBe(false);
    expect(problems).toEqual([
      {
        message: expect.stringContaining('ENOSPC'),
        forMs: 5000,
        waiting: exporter.health().problems[0]!.waiting,
      },
    ]);
    expect(problems[0]!.waiting).toBeGreaterThan(100);
    disk.heal();
    await clock.pass(10_000);
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
  });

  it('says that somebody else took the ledger over', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const { rmSync } = process.getBuiltinModule('node:fs');
    rmSync(rig.file('lock'));
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'ledger-locked' });
    expect(exporter.health()).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining(rig.file('lock')) }],
    });
  });
});
