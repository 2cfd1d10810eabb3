import fs from 'node:fs';
import { basename } from 'node:path';
import { FILE_MODE, syncFolderSync, tornPath, writeAllSync } from './files.js';
import { segmentPath } from './segment.js';

/** The files that the ledger writes: the newest segment, and older ones until they are synced. */
export class SegmentWriter {
  readonly directory: string;
  /** First sequence numbers, ascending. */
  readonly segments: number[];
  #fd: number | undefined;
  #size = 0;
  /** The newest segment's file, for its name may come to stand for another one, or for none. */
  #inode = 0;
  /** Segments that are full and not synced yet. */
  #full: number[] = [];
  /** A segment appeared, and its name is not synced yet. */
  #nameUnsynced = false;

  constructor(directory: string, segments: readonly number[]) {
    this.directory = directory;
    this.segments = [...segments];
  }

  /** Bytes of the newest segment. */
  get size(): number {
    return this.#size;
  }

  /**
   * Syncs what an earlier process wrote and may not have synced: the newest segments, together more
   * than `bytes`.
   */
  syncNewestSync(bytes: number): void {
    let size = 0;
    for (let n = this.segments.length - 1; n >= 0 && size <= bytes; n -= 1) {
      const fd = fs.openSync(segmentPath(this.directory, this.segments[n]!), 'r+');
      try {
        fs.fdatasyncSync(fd);
        size += fs.fstatSync(fd).size;
      } finally {
        fs.closeSync(fd);
      }
    }
    syncFolderSync(this.directory);
  }

  /** Goes on at the end of the newest segment. */
  continueLast(size: number): void {
    this.#fd = fs.openSync(segmentPath(this.directory, this.segments.at(-1)!), 'r+');
    this.#inode = fs.fstatSync(this.#fd).ino;
    this.#size = size;
  }

  /** Makes the newest segment last, its name left out. */
  syncLast(): void {
    if (this.#fd !== undefined) fs.fdatasyncSync(this.#fd);
    this.#requireInPlace();
  }

  /** Begins a segment; the one before stays open until the next sync, for one may be under way. */
  begin(first: number): void {
    const path = segmentPath(this.directory, first);
    // Nothing in it was acknowledged, or the segment would be known: a late one of an earlier writer.
    if (fs.existsSync(path)) fs.renameSync(path, tornPath(this.directory, basename(path)));
    const fd = fs.openSync(path, 'wx', FILE_MODE);
    if (this.#fd !== undefined) this.#full.push(this.#fd);
    this.#fd = fd;
    this.#inode = fs.fstatSync(fd).ino;
    this.#size = 0;
    this.#nameUnsynced = true;
    if (this.segments.at(-1) !== first) this.segments.push(first);
  }

  /**
   * Appends bytes. After an error what may have been written of them is cut off again, or, if that
   * fails too, written over by the next call.
   */
  append(bytes: Uint8Array, length: number): void {
    try {
      writeAllSync(this.#fd!, bytes, length, this.#size);
      this.#size += length;
    } catch (error) {
      try {
        fs.ftruncateSync(this.#fd!, this.#size);
      } catch {
        // The first error tells more.
      }
      throw error;
    }
  }

  /** Makes everything appended so far last. Errors as from fdatasync. */
  syncSync(): void {
    for (const fd of this.#full) fs.fdatasyncSync(fd);
    if (this.#fd !== undefined) fs.fdatasyncSync(this.#fd);
    this.#requireInPlace();
    if (this.#nameUnsynced) syncFolderSync(this.directory);
    this.#nameUnsynced = false;
    this.#closeFull(this.#full.length);
  }

  /** {@link syncSync} without blocking; what is appended meanwhile is not covered. */
  sync(done: (error: unknown) => void): void {
    const full = [...this.#full];
    const current = this.#fd;
    const fds = current === undefined ? full : [...full, current];
    const next = (index: number): void => {
      if (index < fds.length) {
        fs.fdatasync(fds[index]!, (error) => (error === null ? next(index + 1) : done(error)));
        return;
      }
      try {
        this.#requireInPlace();
        // Rare: once a segment.
        if (this.#nameUnsynced) syncFolderSync(this.directory);
        this.#nameUnsynced = false;
        this.#closeFull(full.length);
      } catch (error) {
        done(error);
        return;
      }
      done(undefined);
    };
    next(0);
  }

  /**
   * After a failed sync: begins anew at `first`, which nobody was told is durable. Segments that begin
   * there or later go; the lines at or past it in the one before are superseded.
   */
  restartAt(first: number): void {
    this.close();
    while (this.segments.length > 0 && this.segments.at(-1)! >= first) {
      // Every line in it is written again, and nobody was told of any.
      fs.rmSync(segmentPath(this.directory, this.segments.at(-1)!), { force: true });
      this.segments.pop();
    }
    this.begin(first);
  }

  close(): void {
    this.#closeFull(this.#full.length);
    if (this.#fd !== undefined) closeQuietly(this.#fd);
    this.#fd = undefined;
  }

  /**
   * A sync succeeds also for a file that somebody removed or moved away meanwhile: what it then makes
   * last, nobody will find.
   */
  #requireInPlace(): void {
    if (this.#fd === undefined) return;
    const path = segmentPath(this.directory, this.segments.at(-1)!);
    if (fs.statSync(path, { throwIfNoEntry: false })?.ino === this.#inode) return;
    throw new Error(
      `${path} was removed or replaced by somebody else; put it back, for its records are missing`,
    );
  }

  #closeFull(count: number): void {
    for (const fd of this.#full.splice(0, count)) closeQuietly(fd);
  }
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // What counts was synced, or is written again elsewhere.
  }
}
