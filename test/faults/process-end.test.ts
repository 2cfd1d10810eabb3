import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { programs } from '../support/program.js';
import { verifyChain } from '../support/verify-chain.js';
import type { EndingInput } from './programs/ending.js';

const app = programs('ending');
const IDS = ['a', 'b', 'c'];

function paths(way: string) {
  const name = way.replaceAll(/\W+/g, '-');
  return {
    directory: join(app.folder, name, 'audit'),
    file: join(app.folder, name, 'audit.jsonl'),
  };
}

const start = (way: EndingInput['way'], name: string = way) =>
  app.start({ ...paths(name), way } satisfies EndingInput);

function delivered(way: string): string[] {
  const { file } = paths(way);
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { id: string }).id);
}

const recorded = (way: string) => verifyChain(paths(way).directory).map(({ id }) => id);

async function expectRestartDelivers(way: string): Promise<void> {
  const restart = start('restart', way);
  expect([await restart.end, await restart.stderr]).toEqual([0, '']);
  expect([...new Set(delivered(way))]).toEqual(IDS);
  expect(recorded(way)).toEqual(IDS);
  expect(fs.existsSync(join(paths(way).directory, 'lock'))).toBe(false);
}

describe('a process that ends', () => {
  it.each<[EndingInput['way'], number | string]>([
    ['exit', 3],
    ['exit in a later turn', 3],
    ['exception', 1],
    ['rejection', 1],
    ['SIGTERM', 'SIGTERM'],
    ['SIGKILL', 'SIGKILL'],
  ])('by %s keeps every event, and the next start delivers them', async (way, end) => {
    const program = start(way);
    expect(await program.end).toBe(end);
    expect(recorded(way)).toEqual(IDS);
    await expectRestartDelivers(way);
  });

  it.each<[EndingInput['way']]>([['empty loop'], ['empty loop, captured only']])(
    'because it has nothing left to do (%s) delivers everything first',
    async (way) => {
      const program = start(way);
      expect([await program.end, await program.stderr]).toEqual([0, '']);
      expect(recorded(way)).toEqual(IDS);
      expect(delivered(way)).toEqual(IDS);
    },
  );

  it('in its own SIGTERM handler, which shuts down, delivers everything first', async () => {
    const way = 'SIGTERM, handled';
    const program = start(way);
    await program.line('recorded');
    program.process.kill('SIGTERM');
    expect([await program.end, await program.stderr]).toEqual([0, '']);
    expect(recorded(way)).toEqual(IDS);
    expect(delivered(way)).toEqual(IDS);
  });
});
