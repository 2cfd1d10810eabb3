import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { programs } from '../support/program.js';
import { load } from './load.js';
import type { BacklogInput } from './programs/backlog.js';

const backlog = programs('backlog');
const LIMIT_MS = 60_000 + load.records / 2;
/** Far less than the records take: a program that held them would die of it. */
const HEAP_MIB = 48;

async function run(step: BacklogInput['step']): Promise<readonly string[]> {
  const directory = join(backlog.folder, 'audit');
  const input: BacklogInput = { directory, step, records: load.records };
  const program = backlog.start({ ...input }, { heapMiB: HEAP_MIB });
  expect([await program.end, await program.stderr]).toEqual([0, '']);
  return program.lines;
}

describe(`a ledger of ${load.records} records, in a heap of ${HEAP_MIB} MiB`, () => {
  it(
    'is written while its sink is down',
    async () => {
      expect(await run('fill')).toEqual([`backlog ${load.records}`]);
    },
    LIMIT_MS,
  );

  it('is opened cold, and goes on where it ended', async () => {
    const { records } = load;
    expect(await run('open')).toEqual([
      `receipts ${records} ${records + 1}`,
      `backlog ${records + 1}`,
    ]);
  });

  it(
    'is drained once the sink is up, every record once and in order',
    async () => {
      expect(await run('drain')).toEqual([`delivered ${load.records + 1}`]);
      const cursor = fs.readFileSync(join(backlog.folder, 'audit/cursors/siem.json'), 'utf8');
      expect(JSON.parse(cursor)).toMatchObject({ acknowledged: load.records + 1 });
    },
    LIMIT_MS,
  );
});
