import type { JsonSource } from './json-source.js';

/**
 * Where encoders write: slabs of memory from which each value is cut, so that no value is copied. A value's
 * length is known only once it is written, so `begin` and `finish` go round it.
 */
export class ByteSink {
  bytes: Buffer = EMPTY;
  /** Where the next byte goes. */
  at = 0;
  readonly #slabBytes: number;
  #start = 0;
  #leases = 0;

  constructor(slabBytes = SLAB_BYTES) {
    this.#slabBytes = slabBytes;
  }

  /** Begins a value of at most so many bytes. */
  begin(mostBytes: number): void {
    if (this.bytes.length - this.at < mostBytes) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(mostBytes, this.#slabBytes));
      this.at = 0;
    }
    this.#start = this.at;
  }

  /** The value, its own for good. */
  finish(): Buffer {
    const value = this.bytes.subarray(this.#start, this.at);
    if (this.bytes.length <= this.#slabBytes) return value;
    // One that needed much more than it took must not hold all of it.
    this.bytes = EMPTY;
    this.at = 0;
    return Buffer.from(value);
  }

  /** Keeps all that is written from now on until it is released. */
  lease(): void {
    this.#leases += 1;
  }

  /** Ends a lease. After the last one the slab is used again, and what was cut from it is gone. */
  release(): void {
    this.#leases -= 1;
    if (this.#leases === 0) this.at = 0;
  }

  append(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  /** Base 128, the least significant group first; below 2^53. */
  varint(value: number): void {
    const { bytes } = this;
    let { at } = this;
    let rest = value;
    while (rest > 127) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    bytes[at++] = rest;
    this.at = at;
  }

  double(value: number): void {
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  /** Text in UTF-8; returns its length. */
  text(text: string): number {
    const { bytes } = this;
    const { length } = text;
    const from = this.at;
    if (length > SHORT_TEXT) {
      const written = bytes.write(text, from);
      this.at = from + written;
      return written;
    }
    // A call into the engine costs more than a short text.
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 127) {
        const written = bytes.write(text, from);
        this.at = from + written;
        return written;
      }
      bytes[from + index] = code;
    }
    this.at = from + length;
    return length;
  }

  /** Bytes of the source as they are. */
  copy(source: JsonSource, from: number, to: number): void {
    const { bytes: input } = source;
    const { bytes } = this;
    let { at } = this;
    if (to - from > SHORT_COPY) {
      input.copy(bytes, at, from, to);
      this.at = at + to - from;
      return;
    }
    for (let index = from; index < to; index += 1) bytes[at++] = input[index]!;
    this.at = at;
  }

  /**
   * Writes how many bytes were written since `from` (or `times` as many) before them, where room was kept for
   * it, and moves them where it was not the right room. Returns what it needed.
   */
  lengthBefore(from: number, room: number, times = 1): number {
    const value = (this.at - from) * times;
    if (room === 1 && value < 128) {
      this.bytes[from - 1] = value;
      return 1;
    }
    let width = 1;
    for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) width += 1;
    if (width !== room) this.bytes.copyWithin(from + width - room, from, this.at);
    const end = this.at + width - room;
    this.at = from - room;
    this.varint(value);
    this.at = end;
    return width;
  }

  /** A count before what was written since `from`, where one byte was kept for it. */
  countBefore(from: number, count: number): void {
    const end = this.at;
    if (count < 128) {
      this.bytes[from - 1] = count;
      return;
    }
    let width = 1;
    for (let rest = count; rest > 127; rest = Math.floor(rest / 128)) width += 1;
    this.bytes.copyWithin(from + width - 1, from, end);
    this.at = from - 1;
    this.varint(count);
    this.at = end + width - 1;
  }
}

const EMPTY = Buffer.alloc(0);
const SLAB_BYTES = 256 * 1024;
/** A slab that is used again: room for a lane's batch, which is 1 MiB of JSON. What is not written to takes no memory. */
export const REUSED_BYTES = 2 * 1024 * 1024;
const SHORT_TEXT = 24;
const SHORT_COPY = 96;
