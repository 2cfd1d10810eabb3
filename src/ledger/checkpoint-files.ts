import fs from 'node:fs';
import { join } from 'node:path';
import { codeOf } from './files.js';

const DIGITS = 20;
const NAME = /^(\d{20})\.checkpoint$/;

/** The folder of a ledger's signed checkpoints. */
export function checkpointFolder(directory: string): string {
  return join(directory, 'checkpoints');
}

/** The file of the checkpoint that covers so many records. */
export function checkpointPath(directory: string, size: number): string {
  return join(checkpointFolder(directory), `${String(size).padStart(DIGITS, '0')}.checkpoint`);
}

/** How many records each of a ledger's checkpoints covers, ascending. */
export function listCheckpointsSync(directory: string): number[] {
  let names: string[];
  try {
    names = fs.readdirSync(checkpointFolder(directory));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .flatMap((name) => {
      const size = Number(NAME.exec(name)?.[1] ?? Number.NaN);
      return Number.isSafeInteger(size) ? [size] : [];
    })
    .sort((a, b) => a - b);
}
