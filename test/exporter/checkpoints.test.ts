import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { verifyLedger } from '../../src/evidence/verify.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type {
  CheckpointOptions,
  PublishedCheckpoint,
} from '../../src/ledger/checkpoint-options.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { buildExporterLibrary, startExporterChild } from '../support/exporter-child.js';
import { exporterRig, flags } from '../support/exporter-rig.js';
import { until } from '../support/settle.js';
import { signingKey } from '../support/signing-key.js';

diagLog();
const rig = exporterRig();
const key = signingKey();

function signed(given: Partial<CheckpointOptions> = {}) {
  const published: PublishedCheckpoint[] = [];
  const checkpoint: CheckpointOptions = {
    origin: 'audit.example/shop',
    key: key.secret,
    onCheckpoint: (each) => void published.push(each),
    ...given,
  };
  return { published, checkpoint };
}

const verify = (directory: string, checkpoints: readonly PublishedCheckpoint[]) =>
  verifyLedger(directory, {
    publicKey: key.public,
    checkpoint: checkpoints.map(({ note }) => note),
    full: true,
  });

describe('an exporter with checkpoints', () => {
  it('covers at shutdown all that it recorded, and has published that by then', async () => {
    const { published, checkpoint } = signed();
    const { exporter } = rig.open({ sinks: {}, ledger: { directory: rig.path, checkpoint } });
    const receipts = await exporter.sendAudits(flags(20));
    await exporter.shutdown();
    expect(published).toMatchObject([{ size: 20, directory: rig.path }]);
    expect(openCheckpoint(published[0]!.note, key.public).size).toBe(20);
    const report = await verify(rig.path, published);
    expect(report).toMatchObject({ ok: true, root: published[0]!.root });
    expect(report.head).toEqual({ sequence: 20, hash: receipts.at(-1)!.hash });
  });

  it('covers what nobody waited for', async () => {
    const { published, checkpoint } = signed();
    const { exporter } = rig.open({ sinks: {}, ledger: { directory: rig.path, checkpoint } });
    void exporter.sendAudits(flags(3)).catch(() => {});
    await exporter.shutdown();
    expect(published).toMatchObject([{ size: 3 }]);
  });

  it('shuts down when the checkpoint cannot be published, and says so', async () => {
    const fault = () => Promise.reject(new Error('no route'));
    const { checkpoint } = signed({ onCheckpoint: fault });
    const { exporter, told } = rig.open({
      sinks: {},
      ledger: { directory: rig.path, checkpoint },
    });
    await exporter.sendAudits(flags(1));
    await exporter.shutdown();
    await until(() => told.length > 0); // at the end of the turn
    expect(told[0]!.error.code).toBe('checkpoint-failed');
    expect(fs.existsSync(rig.file('lock'))).toBe(false);
  });

  it('keeps segments that no checkpoint covers yet, whatever retention says', async () => {
    const { checkpoint } = signed();
    const ledger = {
      directory: rig.path,
      checkpoint,
      maxSegmentBytes: 1024,
      retain: { maxBytes: 1 },
    };
    const { exporter, clock } = rig.open({ sinks: {}, ledger });
    await exporter.sendAudits(flags(20));
    await clock.pass(20_000);
    const segments = () => fs.readdirSync(rig.path).filter((name) => name.endsWith('.jsonl'));
    expect(segments().length).toBeGreaterThan(3);
    await clock.pass(60_000);
    await until(() =>
      fs.readdirSync(rig.file('checkpoints')).some((n) => n.endsWith('.checkpoint')),
    );
    await clock.pass(20_000);
    expect(segments().length).toBeLessThan(3);
    await exporter.shutdown();
    expect((await verify(rig.path, [])).fault).toBeUndefined();
  });

  it('does not start over a ledger that its checkpoints contradict, and lets go of it', async () => {
    const { checkpoint } = signed();
    const options = { sinks: {}, ledger: { directory: rig.path, checkpoint } };
    const first = rig.open(options);
    await first.exporter.sendAudits(flags(2));
    await first.exporter.shutdown();
    const [name] = fs.readdirSync(rig.path).filter((each) => each.endsWith('.jsonl'));
    const path = rig.file(name!);
    const text = fs.readFileSync(path, 'utf8');
    fs.writeFileSync(path, text.replace(/"payload":1/, '"payload":7'));
    expect(() => new SinkSpanExporter(options)).toThrow(
      expect.objectContaining({
        code: 'ledger-corrupt',
        message: expect.stringContaining('record 2 as its checkpoint covers it'),
      }),
    );
    fs.writeFileSync(path, text);
    await rig.open(options).exporter.shutdown();
  });

  it('refuses a key that is none, without a word of it', () => {
    const ledger = { directory: rig.path, checkpoint: signed({ key: 'SECRET' }).checkpoint };
    expect(() => new SinkSpanExporter({ sinks: {}, ledger })).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message:
          'SinkSpanExporter: ledger.checkpoint.key (a text) is no private key as PKCS#8 in PEM, without a passphrase',
      }),
    );
  });
});

describe('slots with checkpoints', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'exporter-child-'));
    buildExporterLibrary(folder);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('are logs with names of their own, and a killed writer’s is covered by who drains it', async () => {
    const child = startExporterChild(
      folder,
      [rig.path, ''],
      `
      const exporter = new SinkSpanExporter({ ledger: { directory: ledger, slots: true }, sinks: { siem: hung } });
      const other = new SinkSpanExporter({ ledger: { directory: ledger, slots: true }, sinks: { siem: hung } });
      await other.sendAudits(['a', 'b'].map(flag));
      say('ready');
      setInterval(() => {}, 1000);`,
    );
    await child.printed('ready');
    child.process.kill('SIGKILL');
    await child.exit;
    const { published, checkpoint } = signed();
    const { exporter, clock } = rig.open({
      sinks: { siem: recordingSink() },
      ledger: { directory: rig.path, slots: true, checkpoint },
    });
    await exporter.sendAudits(flags(1));
    await exporter.forceFlush();
    await clock.pass(20_000);
    await until(() => published.some(({ origin }) => origin.endsWith('/1')));
    await exporter.shutdown();
    expect(published.map(({ origin, size }) => [origin, size]).sort()).toEqual([
      ['audit.example/shop/0', 1],
      ['audit.example/shop/1', 2],
    ]);
    for (const slot of ['0', '1']) {
      const own = published.filter(({ origin }) => origin.endsWith(slot));
      expect(await verify(rig.file(slot), own)).toMatchObject({ ok: true });
    }
  });
});
