import fs from 'node:fs';
import { openPlain } from '../ledger/plain-file.js';

/** Large reads, as in opening a ledger. */
const READ_BYTES = 2 ** 20;
/** Room for the beginning of a line whose end comes with the next read; more is made when it is needed. */
const CARRY_BYTES = 2 ** 16;
/** No record is larger; a file without a line end must not be read into memory as a whole. */
const MAX_LINE_BYTES = 2 ** 28;
const LF = 0x0a;

/** A line in the buffer that it was read into: from `start` to `end`, its line feed left out. */
export interface LineInBuffer {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

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
 * ends. A line without an end that is longer than any record counts as the rest. What comes next is read
 * while `onLine` is at work.
 *
 * @param onLine gets the line, which is good for the time of the call, and its number from 1
 * @param onRead called after each read with the bytes that it brought
 */
export async function walkLines(
  path: string,
  onLine: (line: LineInBuffer, number: number) => boolean,
  { from = BEGINNING, onRead }: { from?: LinePlace; onRead?: (bytes: number) => void } = {},
): Promise<LinesEnd> {
  const file = await openPlain(path);
  const readBytes = Math.min(READ_BYTES, fs.fstatSync(file.fd).size + 1);
  let current = new Window(CARRY_BYTES, readBytes);
  let next = new Window(CARRY_BYTES, readBytes);
  let position = from.offset;
  let reading = next.fill(file, position);
  try {
    for (let { line } = from; ; ) {
      while (current.next()) {
        line += 1;
        if (!onLine(current, line)) return { offset: position - current.rest, line, rest: 0 };
      }
      const count = await reading;
      if (count > 0) onRead?.(count);
      if (count === 0 || current.rest > MAX_LINE_BYTES) {
        return { offset: position - current.rest, line, rest: current.rest };
      }
      position += count;
      next = next.carry(current);
      [current, next] = [next, current];
      reading = next.fill(file, position);
    }
  } finally {
    await reading.catch(() => {});
    await file.close();
  }
}

/** A buffer that is filled behind some room for what the one before it could not finish. */
class Window implements LineInBuffer {
  readonly bytes: Buffer;
  start: number;
  end: number;
  readonly #carry: number;
  readonly #readBytes: number;
  /** The unread part. */
  #from: number;
  #filled: number;

  constructor(carry: number, readBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(carry + readBytes);
    this.#carry = carry;
    this.#readBytes = readBytes;
    this.start = carry;
    this.end = carry;
    this.#from = carry;
    this.#filled = carry;
  }

  /** Bytes that make no whole line yet. */
  get rest(): number {
    return this.#filled - this.#from;
  }

  /** Finds the next whole line. */
  next(): boolean {
    const end = this.bytes.indexOf(LF, this.#from);
    if (end < 0 || end >= this.#filled) return false;
    this.start = this.#from;
    this.end = end;
    this.#from = end + 1;
    return true;
  }

  async fill(file: fs.promises.FileHandle, position: number): Promise<number> {
    const { bytesRead } = await file.read(this.bytes, this.#carry, this.#readBytes, position);
    this.#from = this.#carry;
    this.#filled = this.#carry + bytesRead;
    return bytesRead;
  }

  /** Takes over what another window could not finish. Returns a larger one where there is no room. */
  carry(other: Window): Window {
    const { rest } = other;
    let target: Window = this;
    if (rest > this.#carry) {
      target = new Window(rest * 2, this.#readBytes);
      target.#filled += this.bytes.copy(target.bytes, target.#carry, this.#carry, this.#filled);
    }
    target.#from -= other.bytes.copy(
      target.bytes,
      target.#carry - rest,
      other.#from,
      other.#filled,
    );
    return target;
  }
}

/** A part of a file: `length` bytes from `offset` on, or as many as there are, and none past a bound. */
export async function readBytes(path: string, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(length, MAX_LINE_BYTES));
  const file = await openPlain(path);
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
