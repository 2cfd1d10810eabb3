// What durable lines cost at least: one write and one fdatasync for all that waits, one of them in
// flight, no hash, no chain, no ids, no limits.
import { closeSync, fdatasync, openSync, writeSync } from 'node:fs';

const LINE_BYTES = 4096;

export class BareLog {
  #fd;
  #buffer = Buffer.allocUnsafeSlow(1 << 20);
  #filled = 0;
  #waiting = [];
  #busy = false;
  #scheduled = false;

  constructor(file) {
    this.#fd = openSync(file, 'a');
  }

  /** Resolves once the line is durable. */
  append(line) {
    if (this.#filled + LINE_BYTES > this.#buffer.length) this.#write();
    this.#filled += this.#buffer.utf8Write(line, this.#filled);
    if (!this.#scheduled && !this.#busy) {
      this.#scheduled = true;
      queueMicrotask(() => process.nextTick(() => this.#sync()));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close() {
    closeSync(this.#fd);
  }

  #write() {
    writeSync(this.#fd, this.#buffer, 0, this.#filled);
    this.#filled = 0;
  }

  #sync() {
    this.#scheduled = false;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#write();
    this.#busy = true;
    fdatasync(this.#fd, (error) => {
      if (error) throw error;
      this.#busy = false;
      for (const resolve of waiting) resolve();
      process.nextTick(() => queueMicrotask(() => process.nextTick(() => this.#sync())));
    });
  }
}
