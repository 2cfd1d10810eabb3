import fs from 'node:fs';
import { join } from 'node:path';
import type { SlotsInput } from '../faults/programs/slots.js';
import { type Program, type Programs, programs } from './program.js';
import { verifyChain } from './verify-chain.js';

/** Four writers on one folder of slots. */
export interface SlotsTeam {
  readonly program: Program;
  readonly directory: string;
  /** Tells a writer something and waits until it is done. */
  tell(writer: string, command: string): Promise<void>;
  start(writer: string): Promise<void>;
  /** Ends a writer without a chance to clean up. */
  kill(writer: string): Promise<void>;
  /** Has a writer do what ends it. */
  end(writer: string, command: 'end' | 'exit' | 'throw'): Promise<void>;
  /** Ids that were acknowledged so far. */
  acknowledged(): string[];
  /** Ids in each slot, the chains verified. */
  slots(): Record<string, string[]>;
  /** Ids in the file that they share. */
  delivered(): string[];
}

export const WRITERS = ['w1', 'w2', 'w3', 'w4'];

/** Programs for {@link startTeam}. */
export const slotsPrograms = (): Programs => programs('slots');

/** Starts four writers and waits until each has its slot. */
export async function startTeam(
  { folder, start }: Programs,
  mode: SlotsInput['mode'],
  isDown = false,
): Promise<SlotsTeam> {
  const directory = join(fs.mkdtempSync(join(folder, `${mode}-`)), 'audit');
  const file = `${directory}.jsonl`;
  const program = start({ mode, directory, file, isDown } satisfies SlotsInput);
  const say = (line: string) => void program.process.stdin!.write(`${line}\n`);
  const team: SlotsTeam = {
    program,
    directory,
    async tell(writer, command) {
      say(`${writer} ${command}`);
      await program.line(`did ${writer} ${command}`);
    },
    async start(writer) {
      say(`${writer} start`);
      await program.line(`open ${writer}`);
    },
    async kill(writer) {
      say(`${writer} kill`);
      await program.line(`gone ${writer}`);
    },
    async end(writer, command) {
      say(`${writer} ${command}`);
      await program.line(`gone ${writer}`);
    },
    acknowledged: () =>
      program.lines.filter((line) => line.startsWith('ack ')).map((line) => line.slice(4)),
    slots: () =>
      Object.fromEntries(
        fs
          .readdirSync(directory)
          .sort()
          .map((slot) => [slot, verifyChain(join(directory, slot)).map(({ id }) => id)]),
      ),
    delivered: () =>
      fs
        .readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id),
  };
  await Promise.all(WRITERS.map((writer) => program.line(`open ${writer}`)));
  return team;
}
