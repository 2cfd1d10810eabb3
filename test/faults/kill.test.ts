import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Program, programs } from '../support/program.js';
import { type ChainLine, verifyChain } from '../support/verify-chain.js';
import { load } from './load.js';
import { randomOf } from './programs/library.js';
import type { RecorderInput } from './programs/recorder.js';

const recorder = programs('recorder');
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = randomOf(seed);
const below = (count: number) => Math.floor(random() * count);
const EVENTS = 250;

interface Acknowledged {
  readonly sequence?: number;
  readonly hash?: string;
}

describe(`a process that is killed ${load.kills} times, seed ${seed}`, () => {
  const acknowledged = new Map<string, Acknowledged>();
  const deaths: Record<string, number> = {};
  const paths = () => ({
    directory: join(recorder.folder, 'audit'),
    file: join(recorder.folder, 'audit.jsonl'),
    flappingFile: join(recorder.folder, 'flapping.txt'),
  });
  let doubtful: string[] = [];

  afterAll(() => {
    console.log(
      `${load.kills} kills, seed ${seed}: ${acknowledged.size} events acknowledged, ${JSON.stringify(deaths)}`,
    );
  });

  it(
    'loses nothing that it acknowledged, and its chain is whole',
    async () => {
      for (let round = 1; round <= load.kills; round += 1) {
        const program = start({ round });
        const ids = noteAcknowledged((await program.ended).lines);
        checkLedger(round);
        expect(missingFromSinks(ids.delivered)).toEqual([]);
        doubtful = ids.doubtful;
      }
    },
    load.kills * 5000,
  );

  it('delivers every event to each sink after all, and duplicates carry the same id', async () => {
    const program = recorder.start({
      ...paths(),
      round: load.kills + 1,
      seed: below(2 ** 31),
      events: 0,
      doubtful,
      drain: true,
    } satisfies RecorderInput);
    expect([await program.end, await program.stderr]).toEqual([0, '']);
    noteAcknowledged(program.lines);
    const ids = checkLedger('the last').map(({ id }) => id);
    expect(new Set(readFlapping())).toEqual(new Set(ids));
    // This one never fails: what comes twice was under way when the process was killed.
    const lines = readFile();
    expect([...lines.keys()]).toEqual(ids);
    expect([...lines.values()].filter((texts) => texts.size > 1)).toEqual([]);
    expect(fs.readdirSync(paths().directory)).not.toContain('dead');
  });

  /** Runs until it is killed: by us at some line or moment, or by itself in a file system call. */
  function start({ round }: { round: number }): { ended: Promise<Program> } {
    const way = below(4);
    const when = (['before', 'half', 'after'] as const)[below(3)]!;
    const call = 1 + below(way === 0 ? 40 : 600);
    const program = recorder.start({
      ...paths(),
      round,
      seed: below(2 ** 31),
      events: EVENTS,
      doubtful,
      ...(way < 2 ? { dieAt: { call, when } } : {}),
    } satisfies RecorderInput);
    const kill = (how: string) => {
      if (!program.process.killed) count(how);
      program.process.kill('SIGKILL');
    };
    program.onLine((line) => {
      if (line === 'done') kill('after the last event');
    });
    if (way === 2) {
      let left = 1 + below(2 * EVENTS);
      program.onLine(() => {
        left -= 1;
        if (left === 0) kill('at a line');
      });
    }
    if (way === 3) setTimeout(() => kill('at a moment'), below(300));
    const ended = program.end.then(async (end) => {
      expect([round, end, await program.stderr]).toEqual([round, 'SIGKILL', '']);
      if (!program.process.killed) count(`${when} a call`);
      return program;
    });
    return { ended };
  }

  function count(how: string): void {
    deaths[how] = (deaths[how] ?? 0) + 1;
  }

  /** Takes down what was acknowledged, and tells what is delivered and what is not known. */
  function noteAcknowledged(lines: readonly string[]) {
    const open = new Set(doubtful);
    const delivered: string[] = [];
    for (const line of lines) {
      const [word, id, sequence, hash] = line.split(' ');
      if (word === 'try') open.add(id!);
      if (word !== 'ack' && word !== 'delivered') continue;
      open.delete(id!);
      acknowledged.set(id!, hash === undefined ? {} : { sequence: Number(sequence), hash });
      if (word === 'delivered') delivered.push(id!);
    }
    return { delivered, doubtful: [...open] };
  }

  function checkLedger(round: number | string): ChainLine[] {
    const { directory } = paths();
    // One may have been killed before it had begun its ledger.
    if (!fs.existsSync(join(directory, 'ledger.json'))) {
      expect(acknowledged.size).toBe(0);
      return [];
    }
    const lines = verifyChain(withoutTornTail(directory));
    const byId = new Map(lines.map((line) => [line.id, line]));
    expect(byId.size).toBe(lines.length);
    const faults: string[] = [];
    for (const [id, { sequence, hash }] of acknowledged) {
      const line = byId.get(id);
      if (line === undefined) faults.push(`${id} is missing`);
      else if (sequence !== undefined && line.seq !== sequence) faults.push(`${id} has moved`);
      else if (hash !== undefined && hashOf(lines, line) !== hash) faults.push(`${id} has changed`);
    }
    expect([round, faults]).toEqual([round, []]);
    return lines;
  }

  /** The next record says it; the newest one's is known to receipts alone. */
  function hashOf(lines: readonly ChainLine[], { seq }: ChainLine): string | undefined {
    return lines[seq]?.prev ?? newestHash();
  }

  function newestHash(): string {
    const { directory } = paths();
    for (const name of segmentsOf(directory).reverse()) {
      const text = fs.readFileSync(join(directory, name), 'utf8');
      const last = text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1)!;
      if (last !== '') return createHash('sha256').update(last).digest('hex');
    }
    throw new Error('the ledger is empty');
  }

  /** The folder as it is but for a line that the kill cut short, which the next opening cuts off. */
  function withoutTornTail(directory: string): string {
    const last = segmentsOf(directory).at(-1);
    if (last === undefined) return directory;
    const bytes = fs.readFileSync(join(directory, last));
    if (bytes.length === 0 || bytes.at(-1) === 10) return directory;
    count('tails torn');
    const copy = fs.mkdtempSync(join(recorder.folder, 'copy-'));
    for (const name of ['ledger.json', ...segmentsOf(directory)]) {
      if (name !== last) fs.linkSync(join(directory, name), join(copy, name));
    }
    fs.writeFileSync(join(copy, last), bytes.subarray(0, bytes.lastIndexOf(10) + 1));
    return copy;
  }

  function segmentsOf(directory: string): string[] {
    return fs
      .readdirSync(directory)
      .filter((name) => /^\d{20}\.jsonl$/.test(name))
      .sort();
  }

  function missingFromSinks(ids: readonly string[]): string[] {
    if (ids.length === 0) return [];
    const [file, flapping] = [readFile(), new Set(readFlapping())];
    return ids.filter((id) => !file.has(id) || !flapping.has(id));
  }

  function readFlapping(): string[] {
    return fs.readFileSync(paths().flappingFile, 'utf8').split('\n').slice(0, -1);
  }

  /** The log sink's lines, by id in the order in which they came first. */
  function readFile(): Map<string, Set<string>> {
    const lines = new Map<string, Set<string>>();
    for (const line of fs.readFileSync(paths().file, 'utf8').split('\n')) {
      if (!line.endsWith('}')) continue; // cut short by a kill, and ended by the next start
      const { id } = JSON.parse(line) as { id: string };
      lines.set(id, (lines.get(id) ?? new Set()).add(line));
    }
    return lines;
  }
});
