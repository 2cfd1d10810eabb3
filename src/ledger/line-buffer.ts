const LF = 0x0a;

/** A window that moves along a file and shows whole lines. Whoever owns the file fills it. */
export class LineBuffer {
  bytes: Buffer;
  /** The line that {@link next} found: from `start` to `end`, its LF left out. */
  start = 0;
  end = 0;
  /** Where the unread part begins in `bytes`, and where it ends. */
  #from = 0;
  #filled = 0;
  /** The place in the file of the unread part. */
  #offset: number;

  constructor(bytes: number, offset: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.#offset = offset;
  }

  /** The place in the file behind the last line that was found. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes behind the last line that make no whole line yet. */
  get rest(): Buffer {
    return this.bytes.subarray(this.#from, this.#filled);
  }

  /** Forgets what it holds, to begin anew at a place in the file. */
  seek(offset: number): void {
    this.#from = 0;
    this.#filled = 0;
    this.#offset = offset;
  }

  /** Finds the next whole line; false means that more bytes are needed. */
  next(): boolean {
    const end = this.bytes.indexOf(LF, this.#from);
    if (end < 0 || end >= this.#filled) return false;
    this.start = this.#from;
    this.end = end;
    this.#from = end + 1;
    this.#offset += this.#from - this.start;
    return true;
  }

  /** Gives the line that {@link next} found back. */
  unread(): void {
    this.#offset -= this.#from - this.start;
    this.#from = this.start;
  }

  /** Makes room behind the rest; then read into `bytes` from `at`, for the file's place `position`. */
  room(): { readonly at: number; readonly length: number; readonly position: number } {
    const length = this.#filled - this.#from;
    if (this.#from > 0) {
      this.bytes.copyWithin(0, this.#from, this.#filled);
      this.#from = 0;
      this.#filled = length;
    } else if (length === this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(length * 2);
      this.bytes.copy(larger, 0, 0, length);
      this.bytes = larger;
    }
    return { at: length, length: this.bytes.length - length, position: this.#offset + length };
  }

  filled(count: number): void {
    this.#filled += count;
  }
}
