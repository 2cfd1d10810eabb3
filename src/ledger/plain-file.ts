import fs from 'node:fs';
import { AuditError } from '../errors.js';
import { codeOf } from './files.js';

// A ledger's folder may come from anybody who wants it verified. A pipe in a file's place would keep whoever
// opens it waiting, and a device never ends.

/** Windows has neither such pipes nor the flag. */
const READ = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);
/** A cursor of millions of records set aside is smaller. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;

/**
 * Opens a file to read it.
 *
 * @throws {AuditError} `ledger-corrupt` for what is no file; besides what `fs` throws
 */
export function openPlainSync(path: string): number {
  const fd = fs.openSync(path, READ);
  if (fs.fstatSync(fd).isFile()) return fd;
  fs.closeSync(fd);
  throw noFile(path);
}

/** {@link openPlainSync} without blocking. */
export async function openPlain(path: string): Promise<fs.promises.FileHandle> {
  const file = await fs.promises.open(path, READ);
  if (fs.fstatSync(file.fd).isFile()) return file;
  await file.close();
  throw noFile(path);
}

/**
 * The text of a file, or undefined where there is none.
 *
 * @throws {AuditError} `ledger-corrupt` for what is no file, or larger than any text of ours; besides what
 *   `fs` throws
 */
export function readTextSync(path: string, maxBytes = MAX_TEXT_BYTES): string | undefined {
  let fd: number;
  try {
    fd = openPlainSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    if (fs.fstatSync(fd).size <= maxBytes) return fs.readFileSync(fd, 'utf8');
  } finally {
    fs.closeSync(fd);
  }
  throw new AuditError('ledger-corrupt', `${path} is larger than ${maxBytes} bytes`);
}

function noFile(path: string): AuditError {
  return new AuditError(
    'ledger-corrupt',
    `${path} is no file: there is a pipe, a device or a folder`,
  );
}
