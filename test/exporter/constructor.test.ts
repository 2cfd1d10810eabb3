import fs from 'node:fs';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { exporterRig, flags, idsOf } from '../support/exporter-rig.js';

const rig = exporterRig();
afterEach(() => void jest.restoreAllMocks());

const listeners = () => ['exit', 'beforeExit'].map((event) => process.listenerCount(event));

describe('a constructor that fails lets go of the ledger and of the process', () => {
  it('when a cursor cannot be understood', async () => {
    const before = listeners();
    const { exporter } = rig.open({ sinks: { good: recordingSink(), siem: recordingSink() } });
    const events = flags(1);
    await exporter.sendAudits(events);
    await exporter.shutdown();
    fs.writeFileSync(rig.file('cursors', 'siem.json'), 'nonsense');
    const sinks = { good: recordingSink(), siem: recordingSink() };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(() => rig.open({ sinks })).toThrow(
        expect.objectContaining({
          code: 'ledger-corrupt',
          message: expect.stringContaining('siem.json'),
        }),
      );
    }
    expect(listeners()).toEqual(before);
    fs.writeFileSync(rig.file('cursors', 'siem.json'), '{"acknowledged":0}');
    const next = rig.open({ sinks });
    await next.exporter.forceFlush();
    expect(idsOf(sinks.siem.events)).toEqual(idsOf(events));
    expect(sinks.good.events).toEqual([]);
  });

  it('when a cursor cannot be made', () => {
    const before = listeners();
    const { renameSync } = fs;
    const rename = jest.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      if (String(to).endsWith('siem.json')) {
        throw Object.assign(new Error('EROFS: injected'), { code: 'EROFS' });
      }
      renameSync(from, to);
    });
    const sinks = { good: recordingSink(), siem: recordingSink() };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(() => rig.open({ sinks })).toThrow(
        expect.objectContaining({
          code: 'ledger-unavailable',
          message: expect.stringContaining('siem'),
        }),
      );
    }
    expect(listeners()).toEqual(before);
    rename.mockRestore();
    expect(() => rig.open({ sinks })).not.toThrow();
  });

  it('when somebody else holds the ledger', async () => {
    const before = listeners();
    const { exporter } = rig.open({ sinks: {} });
    expect(() => rig.open({ sinks: {} })).toThrow(
      expect.objectContaining({ code: 'ledger-locked' }),
    );
    await exporter.shutdown();
    expect(listeners()).toEqual(before);
    expect(() => rig.open({ sinks: {} })).not.toThrow();
  });
});
