import fs from 'node:fs';
import { join } from 'node:path';
import { readTextSync } from '../ledger/plain-file.js';

/** Some millions of them. */
const MAX_BYTES = 2 ** 28;

/**
 * Which dead letters were sent again, and stored: lines of `dead/<sink>.replayed.jsonl`. The dead letters
 * themselves stay where they are, for they are part of the evidence.
 */
export function readReplayed(directory: string, sink: string): Set<string> {
  const ids = new Set<string>();
  const text = readTextSync(pathOf(directory, sink), MAX_BYTES) ?? '';
  for (const line of text.split('\n')) {
    try {
      ids.add(String((JSON.parse(line) as { id?: unknown }).id));
    } catch {
      // The end of the last one, where something was killed.
    }
  }
  return ids;
}

/** Notes them, synced to the disk. Throws what `fs` throws. */
export function noteReplayed(
  directory: string,
  sink: string,
  at: string,
  ids: readonly string[],
): void {
  if (ids.length === 0) return;
  const lines = ids.map((id) => `\n${JSON.stringify({ at, id })}`).join('');
  const fd = fs.openSync(pathOf(directory, sink), 'a', 0o600);
  try {
    fs.writeSync(fd, `${lines}\n`);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function pathOf(directory: string, sink: string): string {
  return join(directory, 'dead', `${sink}.replayed.jsonl`);
}
