import fs from 'node:fs';
import { LineBuffer } from '../ledger/line-buffer.js';

/** Large reads, as in opening a ledger. */
const READ_BYTES = 2 ** 20;
/** No record is larger; a file without a line end must not be read into memory as a whole. */
const MAX_LINE_BYTES = 2 ** 28;

/** What stands behind the last whole line that was taken. */
export interface LinesEnd {
  /** Where the rest begins in the file, in bytes. */
  readonly offset: number;
  /** Bytes of a line without an end; 0 if the walk was stopped. */
  readonly rest: Buffer;
}

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
  onRead: (bytes: number) => void = () => {},
): Promise<LinesEnd> {
  const file = await fs.promises.open(path, 'r');
  try {
    const lines = new LineBuffer(READ_BYTES, 0);
    let number = 0;
    for (;;) {
      while (lines.next()) {
        number += 1;
        if (!onLine(lines, number)) return { offset: lines.offset, rest: Buffer.alloc(0) };
      }
      if (lines.rest.length > MAX_LINE_BYTES) break;
      const { at, length, position } = lines.room();
      const { bytesRead } = await file.read(lines.bytes, at, length, position);
      if (bytesRead === 0) break;
      onRead(bytesRead);
      lines.filled(bytesRead);
    }
    return { offset: lines.offset, rest: Buffer.from(lines.rest) };
  } finally {
    await file.close();
  }
}
