import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AuditError, messageOf } from '../errors.js';

export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** Makes a folder and its parents, and lasts: the folders that hold them are synced. */
export function makeFolderSync(folder: string): void {
  const first = fs.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  const last = dirname(resolve(first));
  let parent = resolve(folder);
  do {
    parent = dirname(parent);
    syncFolderSync(parent);
  } while (parent !== last && parent !== dirname(parent));
}

/** Makes names that appeared in a folder or went from it last. */
export function syncFolderSync(folder: string): void {
  if (process.platform === 'win32') return; // Windows cannot sync a folder, and need not
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Replaces a file as a whole: after a crash it holds the old text or the new one. */
export function replaceFileSync(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const fd = fs.openSync(temporary, 'w', FILE_MODE);
  try {
    fs.writeFileSync(fd, text);
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  renameSync(temporary, path);
  syncFolderSync(dirname(path));
}

/** {@link replaceFileSync} without blocking. The folder is not synced: the name was there before. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  // Only the sync takes long. A busy process comes back to each step that it does not wait for later
  // than the step itself takes, and a lane would wait for its position longer than for its sink.
  const fd = fs.openSync(temporary, 'w', FILE_MODE);
  try {
    fs.writeFileSync(fd, text);
    await sync(fd);
  } finally {
    fs.closeSync(fd);
  }
  await rename(temporary, path);
}

function sync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
  });
}

const WINDOWS_RETRIES = 10;

// On Windows a scanner that has the file open makes the first attempts fail with EPERM.
function renameSync(from: string, to: string): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      fs.renameSync(from, to);
      return;
    } catch (error) {
      if (!isWindowsRace(error) || attempt >= WINDOWS_RETRIES) throw error;
      sleepSync(10);
    }
  }
}

async function rename(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await fs.promises.rename(from, to);
      return;
    } catch (error) {
      if (!isWindowsRace(error) || attempt >= WINDOWS_RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function isWindowsRace(error: unknown): boolean {
  return process.platform === 'win32' && codeOf(error) === 'EPERM';
}

/** Blocks the thread; only for what must be settled before a constructor returns. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null | undefined)?.code;
}

/** Writes all of it at a place in the file, however many calls that takes. */
export function writeAllSync(
  fd: number,
  bytes: Uint8Array,
  length: number,
  position: number,
): void {
  let written = 0;
  while (written < length) {
    const count = fs.writeSync(fd, bytes, written, length - written, position + written);
    if (count === 0) throw new Error('the file system took no byte and gave no reason');
    written += count;
  }
}

/** Moves a file, or bytes, where repairs put what they cut off; nothing is ever thrown away. */
export function tornPath(directory: string, name: string): string {
  const folder = join(directory, 'torn');
  makeFolderSync(folder);
  for (let n = 0; ; n += 1) {
    const path = join(folder, n === 0 ? name : `${name}.${n}`);
    if (!fs.existsSync(path)) return path;
  }
}

export function unavailable(what: string, cause: unknown): AuditError {
  return new AuditError('ledger-unavailable', `${what}: ${messageOf(cause)}`, { cause });
}
