import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { openCheckpoint } from '../../src/evidence/checkpoint.js';
import {
  openRecordProof,
  proveConsistency,
  proveInclusion,
  recordProof,
  verifyConsistency,
  verifyInclusion,
} from '../../src/evidence/proofs.js';
import { type CheckpointRig, checkpointFolder, ids, ORIGIN } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';

const folder = checkpointFolder();

/** A ledger with a checkpoint at each of these sizes. */
async function grown(...sizes: number[]): Promise<CheckpointRig> {
  let rig: CheckpointRig | undefined;
  for (const size of sizes) {
    rig = folder.open({}, { maxSegmentBytes: 2 ** 15 });
    const { newest } = rig.ledger;
    await keep(rig.ledger, ...ids(newest, size - newest));
    await rig.close();
  }
  return rig!;
}

describe('a proof', () => {
  it('leads from any record to any checkpoint that covers it', async () => {
    await grown(5, 300, 600);
    const lines = folder.lines();
    for (const size of [5, 300, 600]) {
      for (let sequence = 1; sequence <= size; sequence += 7) {
        const proof = proveInclusion(folder.path, sequence, size);
        expect(proof).toMatchObject({ sequence, size });
        expect(proof.hashes.length).toBeLessThanOrEqual(10);
        expect(verifyInclusion(proof, lines[sequence - 1]!)).toBe(true);
        expect(verifyInclusion(proof, lines[sequence]!)).toBe(false);
      }
    }
    expect(proveInclusion(folder.path, 600).size).toBe(600);
  });

  it('shows that the ledger only grew', async () => {
    const sizes = [1, 5, 256, 600];
    await grown(...sizes);
    for (const from of sizes) {
      for (const to of sizes.filter((size) => size >= from)) {
        const proof = proveConsistency(folder.path, from, to);
        expect(verifyConsistency(proof)).toBe(true);
        expect(verifyConsistency({ ...proof, hashes: [...proof.hashes, proof.toRoot] })).toBe(
          false,
        );
        expect(verifyConsistency({ ...proof, hashes: ['x'] })).toBe(false);
      }
    }
    expect(proveConsistency(folder.path, 5).to).toBe(600);
  });

  it('is one text with the checkpoint, which a stranger opens with the key and the line', async () => {
    const { published } = await grown(9);
    const [line, other] = folder.lines().slice(3);
    const proof = recordProof(folder.path, 4);
    expect(proof.startsWith('c2sp.org/tlog-proof@v1\nindex 3\n')).toBe(true);
    expect(proof.endsWith(`\n\n${published[0]!.note}`)).toBe(true);
    const opened = { sequence: 4, size: 9, origin: ORIGIN, root: published[0]!.root };
    expect(openRecordProof(proof, line!, folder.key.public)).toEqual(opened);
    expect(openRecordProof(proof, String(line), folder.key.public)).toEqual(opened);
    const extra = proof.replace('@v1\n', '@v1\nextra eA==\n');
    expect(openRecordProof(extra, line!, folder.key.public)).toEqual(opened);
    for (const [text, key] of [
      [proof.replace('index 3', 'index 4'), line!],
      [proof, other!],
      [proof.replace('\n9\n', '\n8\n'), line!],
      ['', line!],
      [proof.replace('@v1', '@v2'), line!],
    ] as const) {
      expect(() => openRecordProof(text, key, folder.key.public)).toThrow(
        expect.objectContaining({ code: 'checkpoint-invalid' }),
      );
    }
  });

  it('of any other shape that JSON can have proves nothing', async () => {
    await grown(7);
    const line = folder.lines()[0]!;
    const inclusion = proveInclusion(folder.path, 1);
    const consistency = proveConsistency(folder.path, 3);
    expect(verifyInclusion(inclusion, line) && verifyConsistency(consistency)).toBe(true);
    const others = [null, 9, '7', true, [], {}, [1], '1', -1, 2 ** 53, 0, { 0: 'x', length: 1 }];
    for (const other of others) {
      const odd = other as never;
      for (const member of Object.keys(inclusion)) {
        expect(verifyInclusion({ ...inclusion, [member]: odd }, line)).toBe(false);
      }
      for (const member of Object.keys(consistency)) {
        expect(verifyConsistency({ ...consistency, [member]: odd })).toBe(false);
      }
      expect(verifyInclusion(odd, line)).toBe(false);
      expect(verifyConsistency(odd)).toBe(false);
      expect(verifyInclusion(inclusion, odd)).toBe(false);
      const invalid = { code: 'checkpoint-invalid' };
      const { public: key } = folder.key;
      expect(() => openRecordProof(odd, line, key)).toThrow(expect.objectContaining(invalid));
      expect(() => openCheckpoint(odd, key)).toThrow(expect.objectContaining(invalid));
    }
  });

  it('is refused where there is none, and the message says why', async () => {
    expect(() => proveInclusion(folder.path, 1)).toThrow('has no checkpoints');
    await grown(5);
    const refused = (work: () => unknown, message: string) =>
      expect(work).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
    refused(() => proveInclusion(folder.path, 6), 'the tree has records 1 to 5');
    refused(() => proveInclusion(folder.path, 0), 'the tree has records 1 to 5');
    refused(() => proveInclusion(folder.path, 1, 6), 'its newest checkpoint covers 5');
    refused(() => proveConsistency(folder.path, 0), 'from 1 to 5');
    refused(() => proveConsistency(folder.path, 6), 'from 1 to 5');
    refused(() => recordProof(folder.path, 1, 'x'), 'no signed checkpoint');
    fs.rmSync(folder.file('checkpoints', 'hashes'), { recursive: true });
    refused(() => proveInclusion(folder.path, 1), 'missing or too short');
    fs.rmSync(folder.file('checkpoints', 'tree.json'));
    refused(() => proveInclusion(folder.path, 1), 'no tree.json');
  });

  it('reads no more than 8 KiB for each kept level', async () => {
    await grown(600);
    const real = fs.readSync;
    let bytes = 0;
    fs.readSync = ((...args: Parameters<typeof real>) => {
      const count = real(...args);
      bytes += count;
      return count;
    }) as typeof real;
    try {
      proveInclusion(folder.path, 300);
    } finally {
      fs.readSync = real;
    }
    // Levels 0 and 8, read once for the path and once for the root.
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(2 * 2 * 8192);
  });
});
