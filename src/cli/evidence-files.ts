import fs from 'node:fs';
import { messageOf } from '../errors.js';
import { parseCheckpoint } from '../evidence/checkpoint-note.js';
import { UsageError } from './usage.js';

/** Keys and checkpoints have some hundred bytes; whatever else is named should not be read whole. */
const MAX_FILE_BYTES = 2 ** 20;

/**
 * The text of a file that an option names.
 *
 * @throws {UsageError} if it cannot be read or is too large
 */
export function readNamedFile(path: string, option: string): string {
  try {
    // Not by its size alone: a pipe, as of `<(…)`, has none.
    const fd = fs.openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = fs.readSync(fd, bytes, length, bytes.length - length, null);
      }
      if (length <= MAX_FILE_BYTES) return bytes.toString('utf8', 0, length);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be read: ${messageOf(error)}`);
  }
  throw new UsageError(`${option} ${path} is too large to be one`);
}

/** @throws {UsageError} also for a file that is no signed checkpoint */
export function readCheckpointFile(path: string, option: string): string {
  const text = readNamedFile(path, option);
  if (parseCheckpoint(text) !== undefined) return text;
  throw new UsageError(`${option} ${path} is no signed checkpoint (C2SP tlog-checkpoint)`);
}
