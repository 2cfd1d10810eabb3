import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { Frontier, leafHash, toBase64 } from '../../src/evidence/merkle.js';
import {
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../../src/evidence/proofs.js';
import { verifyLedger } from '../../src/evidence/verify.js';
import { checkpointFolder, ids, ORIGIN, until } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';

const folder = checkpointFolder();

/** The root over the first lines of the ledger. */
function rootOf(size: number): string {
  const tree = new Frontier();
  for (const line of folder.lines().slice(0, size)) tree.add(leafHash(line));
  return toBase64(tree.root());
}

/** Changes the last record of a segment and nothing that the chain covers. */
function alterNewest(path: string): void {
  const text = fs.readFileSync(path, 'utf8');
  const at = text.lastIndexOf('"flag"');
  fs.writeFileSync(path, `${text.slice(0, at)}"flog"${text.slice(at + 6)}`);
}

describe('checkpoints', () => {
  it('cover what is durable, once enough of it is, and are signed', async () => {
    const { ledger, published, checkpointer } = folder.open({ everyRecords: 10 });
    await keep(ledger, ...ids(0, 9));
    expect(published).toEqual([]);
    await keep(ledger, 'id-9');
    await until(() => published.length > 0);
    const [checkpoint] = published;
    expect(checkpoint).toMatchObject({
      origin: ORIGIN,
      size: 10,
      root: rootOf(10),
      directory: folder.path,
    });
    expect(openCheckpoint(checkpoint!.note, folder.key.public)).toEqual({
      origin: ORIGIN,
      size: 10,
      root: rootOf(10),
    });
    expect(folder.checkpoints()).toEqual(['00000000000000000010.checkpoint']);
    expect(fs.readFileSync(folder.file('checkpoints', folder.checkpoints()[0]!), 'utf8')).toBe(
      checkpoint!.note,
    );
    expect(checkpointer.covered).toBe(10);
  });

  it('come after everyMs where records come slowly', async () => {
    const { ledger, clock, published } = folder.open({ everyMs: 5000 });
    await keep(ledger, 'a');
    clock.advance(4999);
    await keep(ledger, 'b');
    expect(published).toEqual([]);
    clock.advance(1);
    await until(() => published.length > 0);
    expect(published).toMatchObject([{ size: 2 }]);
    clock.advance(100_000);
    expect(published).toHaveLength(1);
  });

  it('are made at the end, and go on after it', async () => {
    const first = folder.open();
    await keep(first.ledger, ...ids(0, 7));
    await first.close();
    expect(first.published).toMatchObject([{ size: 7, root: rootOf(7) }]);
    const second = folder.open();
    await keep(second.ledger, ...ids(7, 30));
    await second.close();
    expect(second.published).toMatchObject([{ size: 37, root: rootOf(37) }]);
    expect(second.told).toMatchObject({ failed: [], noted: [] });
  });

  it('cover at once what a killed process left uncovered', async () => {
    const first = folder.openLedger();
    await keep(first.ledger, ...ids(0, 7));
    await first.ledger.close();
    const { published } = folder.open();
    await until(() => published.length > 0);
    expect(published).toMatchObject([{ size: 7, root: rootOf(7) }]);
  });
});

describe('a tree', () => {
  const hashFile = () => folder.file('checkpoints', 'hashes', '0-0000000000');

  async function grow(count: number): Promise<void> {
    const rig = folder.open();
    await keep(rig.ledger, ...ids(rig.ledger.newest, count));
    await rig.close();
  }

  /** Opens a ledger with a checkpoint, which must fail, and lets go of it. */
  function refusal(): string {
    const { ledger, ...rig } = folder.openLedger();
    try {
      folder.follow({ ledger, ...rig });
    } catch (error) {
      expect(error).toMatchObject({ code: 'ledger-corrupt' });
      return (error as Error).message;
    } finally {
      ledger.abandon();
    }
    throw new Error('it was opened');
  }

  it('goes on after a crash at any moment as if there had been none', async () => {
    await grow(5);
    const before = folder.content();
    await grow(6);
    const after = folder.content();
    // The records are durable; of the tree any part may have got to the disk, or rubbish.
    const files = Object.keys(after).filter((name) => name.startsWith('checkpoints/'));
    const hashes = after['checkpoints/hashes/0-0000000000']!;
    const torn = [
      before['checkpoints/hashes/0-0000000000']!,
      hashes,
      hashes.slice(0, 5 * 32 + 7),
      hashes.slice(0, 5 * 32) + '\0'.repeat(6 * 32),
    ];
    for (const bytes of torn) {
      for (const name of files) fs.rmSync(folder.file(name));
      for (const name of files) {
        if (before[name] !== undefined) fs.writeFileSync(folder.file(name), before[name], 'latin1');
      }
      fs.writeFileSync(hashFile(), bytes, 'latin1');
      const rig = folder.open();
      await rig.close();
      expect(rig.published).toMatchObject([{ size: 11, root: rootOf(11) }]);
      expect(fs.readFileSync(hashFile(), 'latin1')).toBe(hashes);
      expect(rig.told).toMatchObject({ noted: [], failed: [] });
    }
  });

  it('reads no record before its newest checkpoint when it goes on', async () => {
    await grow(300);
    const ledger = folder.openLedger({ maxSegmentBytes: 2048 });
    const opened: string[] = [];
    const real = fs.openSync;
    fs.openSync = ((...args: Parameters<typeof real>) => {
      opened.push(String(args[0]));
      return real(...args);
    }) as typeof real;
    try {
      const rig = folder.follow(ledger);
      await keep(rig.ledger, 'another');
      await rig.close();
      expect(rig.published).toMatchObject([{ size: 301 }]);
    } finally {
      fs.openSync = real;
    }
    const read = new Set(opened.filter((path) => path.endsWith('.jsonl')));
    expect(read.size).toBeGreaterThan(0);
    expect(read.size).toBeLessThanOrEqual(2);
  });

  it('is made again where its hashes are lost or damaged', async () => {
    await grow(20);
    for (const damage of [
      () => fs.rmSync(folder.file('checkpoints', 'hashes'), { recursive: true }),
      () => fs.writeFileSync(hashFile(), fs.readFileSync(hashFile()).fill(0)),
      () => fs.rmSync(folder.file('checkpoints', 'tree.json')),
    ]) {
      damage();
      const rig = folder.open();
      const { newest } = rig.ledger;
      await keep(rig.ledger, `id-${newest}`);
      await rig.close();
      expect(rig.published).toMatchObject([{ size: newest + 1, root: rootOf(newest + 1) }]);
      expect(rig.told.failed).toEqual([]);
    }
  });

  it('does not go on from a checkpoint that was altered', async () => {
    await grow(5);
    const path = folder.file('checkpoints', folder.checkpoints()[0]!);
    fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace(ORIGIN, `${ORIGIN}2`));
    expect(refusal()).toContain('was altered');
    fs.writeFileSync(path, '');
    expect(refusal()).toContain('was altered');
  });

  it('does not go on over a newest record that was altered, which no chain shows', async () => {
    await grow(5);
    const path = folder.file(folder.segments().at(-1)!);
    alterNewest(path);
    expect(refusal()).toContain('does not hold record 5 as its checkpoint covers it');
  });

  it('is not made again over records that were altered and chained anew', async () => {
    await grow(20);
    fs.rmSync(folder.file('checkpoints', 'hashes'), { recursive: true });
    let previous = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    for (const name of folder.segments()) {
      const texts = fs.readFileSync(folder.file(name), 'utf8').split('\n').slice(0, -1);
      const anew = texts.map((text) => {
        const line = text.replace(/[0-9a-f]{64}/, previous).replace('"id-3"', '"id-x"');
        previous = createHash('sha256').update(line).digest('hex');
        return `${line}\n`;
      });
      fs.writeFileSync(folder.file(name), anew.join(''));
    }
    const rig = folder.open();
    await keep(rig.ledger, 'another');
    await rig.close();
    expect(rig.told.failed).toMatchObject([{ code: 'ledger-corrupt' }]);
    expect(rig.published).toEqual([]);
    expect(folder.checkpoints()).toHaveLength(1);
  });

  it('is not signed when the disk does not hold what was recorded', async () => {
    const rig = folder.open();
    await keep(rig.ledger, 'a', 'b');
    const path = folder.file(folder.segments()[0]!);
    alterNewest(path);
    await rig.close();
    expect(rig.told.failed).toMatchObject([{ code: 'ledger-corrupt' }]);
    expect(folder.checkpoints()).toEqual([]);
  });

  it('begins with the first record there is, and says so to nobody who cannot know', async () => {
    const first = folder.openLedger({ maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(first.ledger, ...ids(0, 20));
    first.ledger.retire(Number.POSITIVE_INFINITY);
    const from = first.ledger.first;
    expect(from).toBeGreaterThan(10);
    await first.ledger.close();
    await grow(10);
    const tree = new Frontier();
    for (let n = 1; n < from; n += 1) tree.add(leafHash(new Uint8Array(0)));
    for (const line of folder.lines()) tree.add(leafHash(line));
    const report = await verifyLedger(folder.path, { publicKey: folder.key.public, full: true });
    expect(report).toMatchObject({ ok: true, first: from, root: toBase64(tree.root()) });
    const proof = proveInclusion(folder.path, from + 1);
    expect(verifyInclusion(proof, folder.lines()[1]!)).toBe(true);
    expect(() => proveInclusion(folder.path, from - 1)).toThrow('cannot be proved');
  });

  it('goes on over what retention removed, which waits for it', async () => {
    const rig = folder.open({}, { maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(rig.ledger, ...ids(0, 20));
    rig.ledger.retire(rig.checkpointer.covered);
    expect(rig.ledger.first).toBe(1);
    await rig.checkpointer.close();
    rig.ledger.retire(rig.checkpointer.covered);
    const { first } = rig.ledger;
    expect(first).toBeGreaterThan(10);
    await rig.close();
    await grow(5);
    const report = await verifyLedger(folder.path, { publicKey: folder.key.public, full: true });
    expect(report).toMatchObject({ ok: true, first, checkpoints: [{ size: 20 }, { size: 25 }] });
    expect(verifyInclusion(proveInclusion(folder.path, first), folder.lines()[0]!)).toBe(true);
    expect(verifyConsistency(proveConsistency(folder.path, 20))).toBe(true);
    // Its left part cannot be made again.
    fs.rmSync(folder.file('checkpoints', 'hashes'), { recursive: true });
    expect(refusal()).toContain('choose another origin');
  });

  it('has a gap where records came and went without it, and does not go on', async () => {
    await grow(5);
    const without = folder.openLedger({ maxSegmentBytes: 1024, retain: { maxBytes: 1 } });
    await keep(without.ledger, ...ids(5, 20));
    without.ledger.retire(Number.POSITIVE_INFINITY);
    await without.ledger.close();
    expect(refusal()).toMatch(/records 6 to \d+ are in no tree and gone/);
  });
});

describe('publishing', () => {
  it('is tried again after a failure, with the newest checkpoint only', async () => {
    const seen: number[] = [];
    let fails = true;
    const rig = folder.open({
      everyRecords: 1,
      onCheckpoint: async ({ size }) => {
        seen.push(size);
        if (fails) throw new Error('the network is down');
      },
    });
    await keep(rig.ledger, 'a');
    await until(() => rig.told.failed.length === 1);
    expect(rig.told.failed[0]).toMatchObject({
      code: 'checkpoint-failed',
      message: expect.stringContaining('was not published: the network is down'),
    });
    rig.clock.advance(4999);
    expect(seen).toEqual([1]);
    fails = false;
    rig.clock.advance(1);
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 1]);
    await rig.close();
    expect(seen).toEqual([1, 1]);
  });

  it('takes one at a time; what is newer takes the place of what waits', async () => {
    const seen: number[] = [];
    let finish = () => {};
    const rig = folder.open({
      everyRecords: 1,
      onCheckpoint: ({ size }) => {
        seen.push(size);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    for (const [n, id] of ['a', 'b', 'c'].entries()) {
      await keep(rig.ledger, id);
      await until(() => rig.checkpointer.covered === n + 1);
    }
    expect(seen).toEqual([1]);
    finish();
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, 3]);
    const closed = rig.close();
    finish();
    await closed;
  });

  it('may throw at once without harm', async () => {
    const rig = folder.open({
      onCheckpoint: () => {
        throw new Error('x');
      },
    });
    await keep(rig.ledger, 'a');
    await rig.close();
    expect(rig.told.failed.map(({ code }) => code)).toContain('checkpoint-failed');
  });
});

describe('checkpoints on a disk that fails', () => {
  it('are made when it is well again, with the same root', async () => {
    const rig = folder.open({ everyRecords: 2 });
    fs.mkdirSync(folder.file('checkpoints', `${'0'.repeat(19)}2.checkpoint.tmp`));
    await keep(rig.ledger, 'a', 'b');
    await until(() => rig.told.failed.length === 1);
    expect(rig.told.failed[0]).toMatchObject({
      code: 'checkpoint-failed',
      message: expect.stringContaining('EISDIR'),
    });
    await keep(rig.ledger, 'c');
    expect(folder.checkpoints()).toEqual([]);
    rig.clock.advance(5000);
    await until(() => rig.published.length === 1);
    expect(rig.published).toMatchObject([{ size: 3, root: rootOf(3) }]);
    await rig.close();
  });

  it('are not made any more once the folder is another writer’s', async () => {
    const rig = folder.open();
    await keep(rig.ledger, 'a');
    fs.rmSync(folder.file('lock'));
    await rig.checkpointer.close();
    expect(rig.told.failed).toMatchObject([{ code: 'ledger-locked' }]);
    expect(folder.checkpoints()).toEqual([]);
  });

  it('stay a thousand in number', async () => {
    const rig = folder.open({ everyRecords: 1 });
    for (let n = 1; n <= 1003; n += 1) {
      fs.writeFileSync(folder.file('checkpoints', `${String(n).padStart(20, '0')}.checkpoint`), '');
    }
    await keep(rig.ledger, ...ids(0, 1010));
    await rig.close();
    expect(folder.checkpoints()).toHaveLength(1000);
    expect(folder.checkpoints().at(-1)).toContain('1010');
  });

  it('are for the owner alone', async () => {
    const rig = folder.open();
    await keep(rig.ledger, 'a');
    await rig.close();
    const modes = fs
      .readdirSync(folder.file('checkpoints'), { recursive: true, withFileTypes: true })
      .map((entry) => fs.statSync(join(entry.parentPath, entry.name)).mode & 0o777);
    expect(new Set(modes)).toEqual(new Set([0o600, 0o700]));
    expect(fs.statSync(folder.file('checkpoints')).mode & 0o777).toBe(0o700);
  });
});
