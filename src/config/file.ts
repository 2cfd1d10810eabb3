import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** The text of a file, or why there is none, as the end of a sentence. */
export type FileText = { readonly text: string } | { readonly fault: string };

/** Opening a pipe, as reading it, would make the start hang; Windows has neither such pipes nor the flag. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Reads a small file of UTF-8. */
export function readFileOf(path: string, maxBytes: number): FileText {
  let descriptor: number | undefined;
  try {
    if (path === '' || path.includes('\0')) return { fault: 'is no path' };
    descriptor = openSync(path, READ);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { fault: 'is no file' };
    if (stat.size > maxBytes) return { fault: `is larger than ${maxBytes} bytes` };
    const bytes = readFileSync(descriptor);
    if (bytes.length > maxBytes) return { fault: `is larger than ${maxBytes} bytes` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    return { fault: faultOf(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function faultOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'is not UTF-8';
  return `cannot be read (${code ?? 'unknown'})`;
}
