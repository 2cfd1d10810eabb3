import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { verifyLedger } from '../../src/evidence/verify.js';
import { checkpointFolder, ids, until } from '../support/checkpoint-rig.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import { contentNamed, durable, keep } from '../support/ledger-folder.js';

const faults = diskFaults();
const folder = checkpointFolder();
const options = () => ({ publicKey: folder.key.public, full: true });

describe('checkpoints', () => {
  it('cover no record before it is durable', async () => {
    const rig = folder.open({ everyRecords: 1 });
    faults.holdSyncs = true;
    const sequences = ids(0, 3).map((id) => rig.ledger.append(contentNamed(id)));
    const waiting = sequences.map((sequence) => durable(rig.ledger, sequence));
    await until(() => fs.existsSync(folder.file('00000000000000000001.jsonl')));
    rig.clock.advance(120_000);
    for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(folder.checkpoints()).toEqual([]);
    faults.holdSyncs = false;
    faults.finishSyncs();
    await Promise.all(waiting);
    await until(() => rig.published.length > 0);
    expect(rig.published).toMatchObject([{ size: 3 }]);
    await rig.close();
  });

  it('cover what was written anew after a failed sync, and not what it supersedes', async () => {
    const rig = folder.open({ everyRecords: 2 });
    await keep(rig.ledger, 'a', 'b');
    await until(() => rig.published.length === 1);
    faults.sync = ioError('EIO');
    const waiting = ['c', 'd'].map((id) =>
      durable(rig.ledger, rig.ledger.append(contentNamed(id))),
    );
    await until(() => rig.ledger.trouble !== undefined);
    expect(rig.published).toHaveLength(1);
    faults.heal();
    rig.clock.advance(10_000);
    await Promise.all(waiting);
    await until(() => rig.published.length === 2);
    await rig.close();
    expect(folder.segments()).toHaveLength(2);
    const report = await verifyLedger(folder.path, options());
    expect(report).toMatchObject({ ok: true, records: 4, superseded: 2 });
    expect(report.root).toBe(rig.published[1]!.root);
  });

  it('go on over a disk that was full', async () => {
    const rig = folder.open({ everyRecords: 5 });
    await keep(rig.ledger, ...ids(0, 5));
    faults.space = 100;
    const waiting = ids(5, 5).map((id) => durable(rig.ledger, rig.ledger.append(contentNamed(id))));
    await until(() => rig.ledger.trouble !== undefined);
    faults.heal();
    rig.clock.advance(10_000);
    await Promise.all(waiting);
    await rig.close();
    const report = await verifyLedger(folder.path, options());
    expect(report).toMatchObject({ ok: true, records: 10 });
    expect(report.root).toBe(rig.published.at(-1)!.root);
  });
});
