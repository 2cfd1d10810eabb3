import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { Frontier, leafHash, toBase64 } from '../../src/evidence/merkle.js';
import { checkpointFolder, ids, ORIGIN, until } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';

const folder = checkpointFolder();

/** The root over the first lines of the ledger. */
function rootOf(size: number): string {
  const tree = new Frontier();
  for (const line of folder.lines().slice(0, size)) tree.add(leafHash(line));
  return toBase64(tree.root());
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
    const first = folder.open();
    await keep(first.ledger, ...ids(0, 7));
    await first.ledger.close();
    const { published } = folder.open();
    await until(() => published.length > 0);
    expect(published).toMatchObject([{ size: 7, root: rootOf(7) }]);
  });
});
