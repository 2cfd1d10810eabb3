import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { verifyLedger } from '../../src/evidence/verify.js';
import { type Program, programs } from '../support/program.js';
import { signingKey } from '../support/signing-key.js';
import { load } from './load.js';
import type { EvidenceInput } from './programs/evidence.js';

const evidence = programs('evidence');
const key = signingKey();

/** Far less than the records take, or a hash of each of them. */
const HEAP_MIB = 40;

describe(`a process with checkpoints that is killed ${load.kills} times`, () => {
  const directory = () => join(evidence.folder, 'killed');
  const start = (records: number): Program => {
    const { secret } = key;
    const rest = { step: 'record', everyRecords: 100, full: false } as const;
    const input: EvidenceInput = { directory: directory(), records, key: secret, ...rest };
    return evidence.start({ ...input });
  };
  const notesOf = ({ lines }: Program): string[] =>
    lines.filter((line) => line.startsWith('note ')).map((line) => JSON.parse(line.slice(5)));

  it(
    'goes on with one tree that every checkpoint it ever published is of',
    async () => {
      const published: string[] = [];
      for (let kill = 0; kill < load.kills; kill += 1) {
        const program = start(1_000_000);
        // At another moment each time: so many checkpoints after the start.
        let left = 1 + (kill % 4);
        await new Promise<void>((resolve) => {
          program.onLine(() => {
            left -= 1;
            if (left === 0) resolve();
          });
        });
        await program.kill();
        published.push(...notesOf(program));
        const report = await verifyLedger(directory(), {
          checkpoint: published,
          publicKey: key.public,
          full: kill % 5 === 0,
        });
        // The kill may have cut the last line.
        expect(report.faults.filter(({ kind }) => kind !== 'torn')).toEqual([]);
      }
      const last = start(10);
      expect(await last.end).toBe(0);
      published.push(...notesOf(last));
      const options = { checkpoint: published, publicKey: key.public, full: true };
      expect(await verifyLedger(directory(), options)).toMatchObject({ ok: true });
      expect(published.length).toBeGreaterThan(load.kills);
    },
    load.kills * 5000,
  );
});

describe(`a ledger of ${load.records} records with checkpoints, in a heap of ${HEAP_MIB} MiB`, () => {
  const run = async (step: EvidenceInput['step'], full: boolean): Promise<readonly string[]> => {
    const input: EvidenceInput = {
      directory: join(evidence.folder, 'large'),
      step,
      records: load.records,
      key: step === 'record' ? key.secret : key.public,
      everyRecords: 10_000,
      full,
    };
    const program = evidence.start({ ...input }, { heapMiB: HEAP_MIB });
    expect([await program.end, await program.stderr]).toEqual([0, '']);
    return program.lines;
  };

  it(
    'is recorded, verified, and verified in full',
    async () => {
      const lines = await run('record', false);
      expect(lines.at(-1)).toBe(`recorded ${load.records}`);
      expect(await run('verify', false)).toEqual([`whole ${load.records}`]);
      expect(await run('verify', true)).toEqual([`whole ${load.records}`]);
      const hashes = fs.statSync(join(evidence.folder, 'large/checkpoints/hashes/0-0000000000'));
      expect(hashes.size).toBe(load.records * 32);
    },
    60_000 + load.records / 2,
  );
});
