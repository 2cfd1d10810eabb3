import fs from 'node:fs';
import { LineBuffer } from '../ledger/line-buffer.js';

/** Large reads, as in opening a ledger. */
const READ_BYTES = 2 ** 20;
/** No record is larger; a file without a line end must not be read into memory as a whole. */
const MAX_LINE_BYTES = 2 ** 28;

/** A place between two lines of a file. */
export interface LinePlace {
  /** In bytes. */
  readonly offset: number;
  /** How many lines stand before it. */
  readonly line: number;
}

/** Where a walk ended. */
export interface LinesEnd extends LinePlace {
  /** How many bytes of a line without an end follow; 0 if the walk was stopped. */
  readonly rest: number;
}

const BEGINNING: LinePlace = { offset: 0, line: 0 };

/**
 * Walks along the whole lines of a file, in constant memory, until `onLine` returns false or the file
 * ends. A line without an end that is longer than any record counts as the rest.
 *
 * @param onLine gets the buffer, in which the line stands from `start` to `end`, and its number from 1
 * @param onRead called after each read with the bytes that it brought
 */
export async function walkLines(
  path: string,
  onLine: (lines: LineBuffer, number: number) => boolean,
  { from = BEGINNING, onRead }: { from?: LinePlace; onRead?: (bytes: number) => void } = {},
): Promise<LinesEnd> {
  const file = await fs.promises.open(path, 'r');
  try {
    const lines = new LineBuffer(READ_BYTES, from.offset);
    let { line } = from;
    for (;;) {
      while (lines.next()) {
        line += 1;
        if (!onLine(lines, line)) return { offset: lines.offset, line, rest: 0 };
      }
      if (lines.rest.length > MAX_LINE_BYTES) break;
      const { at, length, position } = lines.room();
      const { bytesRead } = await file.read(lines.bytes, at, length, position);
      if (bytesRead === 0) break;
      onRead?.(bytesRead);
      lines.filled(bytesRead);
    }
    return { offset: lines.offset, line, rest: lines.rest.length };
  } finally {
    await file.close();
  }
}

/** A part of a file: `length` bytes from `offset` on, or as many as there are, and none past a bound. */
export async function readBytes(path: string, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(length, MAX_LINE_BYTES));
  const file = await fs.promises.open(path, 'r');
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
