import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../ledger/files.js';
import { LineBuffer } from '../ledger/line-buffer.js';
import { openPlain, openPlainSync } from '../ledger/plain-file.js';
import { readReplayed } from './replayed.js';
import { MAX_LINE_BYTES } from './scan.js';
import { readRecord, type StoredRecord } from './stored-record.js';

/** An event that its sink refused for good. */
export interface DeadLetter {
  readonly at: string;
  readonly reason: string;
  readonly attempts: number;
  readonly record: StoredRecord;
  /** The record's exact line. */
  readonly recordLine: string;
  /** The letter's exact line. */
  readonly line: string;
}

const SUFFIX = '.jsonl';
const LF = 0x0a;
const PIECE_BYTES = 2 ** 20;

/** The sinks that have dead letters in a ledger. Throws what `fs` throws. */
export function sinksWithDeadLetters(directory: string): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(join(directory, 'dead'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []; // there is no such folder before the first one
    throw error;
  }
  return names
    .filter((name) => /^[a-z][a-z0-9-]{0,62}\.jsonl$/.test(name))
    .map((name) => name.slice(0, -SUFFIX.length))
    .sort();
}

/** How many letters a sink has that were not sent again since. */
export async function countDeadLetters(directory: string, sink: string): Promise<number> {
  const replayed = readReplayed(directory, sink);
  if (replayed.size === 0) return countLines(directory, sink);
  let count = 0;
  for await (const { record } of readDeadLetters(directory, sink)) {
    if (!replayed.has(record.id)) count += 1;
  }
  return count;
}

/** In constant memory. */
function countLines(directory: string, sink: string): number {
  let fd: number;
  try {
    fd = openPlainSync(pathOf(directory, sink));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let count = 0;
    for (let length = -1; length !== 0; ) {
      length = fs.readSync(fd, piece, 0, piece.length, null);
      const read = piece.subarray(0, length);
      for (let at = read.indexOf(LF); at >= 0; at = read.indexOf(LF, at + 1)) count += 1;
    }
    return count;
  } finally {
    fs.closeSync(fd);
  }
}

/** The dead letters of a sink, oldest first; lines that are none are passed over. */
export async function* readDeadLetters(
  directory: string,
  sink: string,
): AsyncGenerator<DeadLetter> {
  let file: FileHandle;
  try {
    file = await openPlain(pathOf(directory, sink));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    const lines = new LineBuffer(PIECE_BYTES, 0);
    while (lines.rest.length <= MAX_LINE_BYTES) {
      while (lines.next()) {
        const letter = readLetter(lines.bytes.toString('utf8', lines.start, lines.end));
        if (letter !== undefined) yield letter;
      }
      const { at, length, position } = lines.room();
      const { bytesRead } = await file.read(lines.bytes, at, length, position);
      if (bytesRead === 0) break;
      lines.filled(bytesRead);
    }
  } finally {
    await file.close();
  }
}

const RECORD = ',"record":{"seq":';

function readLetter(line: string): DeadLetter | undefined {
  try {
    const { at, reason, attempts } = JSON.parse(line) as Partial<DeadLetter>;
    // The record's own text, for its numbers may be larger than a parser keeps. What stands before it is
    // ours: the reason has no quote of its own.
    const recordLine = line.slice(line.indexOf(RECORD) + ',"record":'.length, -1);
    const record = readRecord(recordLine);
    if (record === undefined || typeof at !== 'string' || typeof reason !== 'string')
      return undefined;
    return { at, reason, attempts: Number(attempts), record, recordLine, line };
  } catch {
    return undefined;
  }
}

function pathOf(directory: string, sink: string): string {
  return join(directory, 'dead', `${sink}${SUFFIX}`);
}
