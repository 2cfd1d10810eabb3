import fs from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import { Checkpointer } from '../../src/evidence/checkpointer.js';
import { Frontier, leafHash, toBase64 } from '../../src/evidence/merkle.js';
import {
  type CheckpointOptions,
  type PublishedCheckpoint,
  resolveCheckpointOptions,
} from '../../src/ledger/checkpoint-options.js';
import type { ResolvedLedgerOptions } from '../../src/ledger/options.js';
import { keep, ledgerFolder, type OpenLedger } from '../support/ledger-folder.js';
import { signingKey } from '../support/signing-key.js';
import { verifyChain } from '../support/verify-chain.js';

const folder = ledgerFolder();
const key = signingKey();
const ORIGIN = 'audit.example/shop';

const opened: Checkpointer[] = [];
afterEach(() => {
  for (const checkpointer of opened.splice(0)) checkpointer.abandon();
});

interface Rig extends OpenLedger {
  readonly checkpointer: Checkpointer;
  readonly published: PublishedCheckpoint[];
  close(): Promise<void>;
}

function open(
  given: Partial<CheckpointOptions> = {},
  ledgerOptions: Partial<ResolvedLedgerOptions> = {},
): Rig {
  const rig = folder.open({ maxSegmentBytes: 2048, ...ledgerOptions });
  return follow(rig, given);
}

function follow(rig: OpenLedger, given: Partial<CheckpointOptions> = {}): Rig {
  const published: PublishedCheckpoint[] = [];
  const options = resolveCheckpointOptions('checkpoint', {
    origin: ORIGIN,
    key: key.secret,
    onCheckpoint: (checkpoint) => void published.push(checkpoint),
    ...given,
  });
  const checkpointer = new Checkpointer(rig.ledger, options, rig.clock, rig.told as never);
  opened.push(checkpointer);
  return {
    ...rig,
    checkpointer,
    published,
    async close() {
      await checkpointer.close();
      await rig.ledger.close();
      await checkpointer.published();
    },
  };
}

const ids = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => `id-${from + n}`);

/** The root over the lines of the ledger, read with nothing of ours but the hash of a leaf. */
function rootOf(size: number): string {
  const tree = new Frontier();
  for (const line of verifyChainLines().slice(0, size)) tree.add(leafHash(line));
  return toBase64(tree.root());
}

function verifyChainLines(): Buffer[] {
  verifyChain(folder.path);
  const names = folder.segments();
  return names.flatMap((name, index) => {
    const end = names[index + 1];
    const count =
      end === undefined ? undefined : Number(end.slice(0, 20)) - Number(name.slice(0, 20));
    const lines = fs.readFileSync(folder.file(name), 'utf8').split('\n').slice(0, -1);
    return lines.slice(0, count).map((line) => Buffer.from(line));
  });
}

const checkpointFiles = () =>
  fs.readdirSync(folder.file('checkpoints')).filter((n) => n.endsWith('.checkpoint'));

/** Waits for what happens on its own, turn by turn. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('checkpoints', () => {
  it('cover what is durable, once enough of it is, and are signed', async () => {
    const { ledger, published, checkpointer } = open({ everyRecords: 10 });
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
    expect(openCheckpoint(checkpoint!.note, key.public)).toEqual({
      origin: ORIGIN,
      size: 10,
      root: rootOf(10),
    });
    expect(checkpointFiles()).toEqual(['00000000000000000010.checkpoint']);
    expect(fs.readFileSync(folder.file('checkpoints', checkpointFiles()[0]!), 'utf8')).toBe(
      checkpoint!.note,
    );
    expect(checkpointer.covered).toBe(10);
  });

  it('come after everyMs where records come slowly', async () => {
    const { ledger, clock, published } = open({ everyMs: 5000 });
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
    const first = open();
    await keep(first.ledger, ...ids(0, 7));
    await first.close();
    expect(first.published).toMatchObject([{ size: 7, root: rootOf(7) }]);
    const second = open();
    await keep(second.ledger, ...ids(7, 30));
    await second.close();
    expect(second.published).toMatchObject([{ size: 37, root: rootOf(37) }]);
    expect(second.told).toMatchObject({ failed: [], noted: [] });
  });

  it('cover at once what a killed process left uncovered', async () => {
    const first = folder.open();
    await keep(first.ledger, ...ids(0, 7));
    await first.ledger.close();
    const { published } = open();
    await until(() => published.length > 0);
    expect(published).toMatchObject([{ size: 7, root: rootOf(7) }]);
  });
});
