import fs from 'node:fs';
import { afterEach, beforeEach, jest } from '@jest/globals';

export const ioError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: injected`), { code });

type Fault = NodeJS.ErrnoException | undefined;

/** A disk that fails as a test says, for files of a ledger's segments and their folder alone. */
export interface DiskFaults {
  /** Bytes that segments may still take; then ENOSPC, after what fits was written. */
  space: number;
  /** How much of a write is done at most. */
  writeAtMost: (length: number) => number;
  write: Fault;
  /** Sync or async. */
  sync: Fault;
  /** Making a segment. */
  begin: Fault;
  truncate: Fault;
  /** Async syncs wait until {@link DiskFaults.finishSyncs}. */
  holdSyncs: boolean;
  finishSyncs(error?: NodeJS.ErrnoException): void;
  readonly syncs: number;
  heal(): void;
}

const SEGMENT = /\d{20}\.jsonl$/;

/**
 * Faults are injected at the functions of `fs`, which src calls as members. A sync that does not fail
 * does nothing, and ends in the next turn of the event loop: no test waits for a disk.
 */
export function diskFaults(): DiskFaults {
  const held: ((error?: NodeJS.ErrnoException) => void)[] = [];
  const segments = new Set<number>();
  let syncs = 0;
  const faults: DiskFaults = {
    space: 0,
    writeAtMost: (length) => length,
    write: undefined,
    sync: undefined,
    begin: undefined,
    truncate: undefined,
    holdSyncs: false,
    finishSyncs(error) {
      for (const finish of held.splice(0)) finish(error);
    },
    get syncs() {
      return syncs;
    },
    heal() {
      faults.space = Number.POSITIVE_INFINITY;
      faults.writeAtMost = (length) => length;
      faults.write = undefined;
      faults.sync = undefined;
      faults.begin = undefined;
      faults.truncate = undefined;
      faults.holdSyncs = false;
    },
  };
  const real = { ...fs };
  beforeEach(() => {
    faults.heal();
    syncs = 0;
    segments.clear();
    jest.spyOn(fs, 'openSync').mockImplementation((path, flags, mode) => {
      const isSegment = SEGMENT.test(String(path));
      if (isSegment && flags === 'wx' && faults.begin !== undefined) throw faults.begin;
      const fd = real.openSync(path, flags, mode);
      if (isSegment && flags !== 'r') segments.add(fd);
      else segments.delete(fd);
      return fd;
    });
    jest.spyOn(fs, 'writeSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      offset: number,
      length: number,
      position: number,
    ) => {
      if (!segments.has(fd)) return real.writeSync(fd, bytes, offset, length, position);
      if (faults.write !== undefined) throw faults.write;
      if (faults.space <= 0) throw ioError('ENOSPC');
      const part = Math.max(1, Math.min(faults.writeAtMost(length), length, faults.space));
      faults.space -= part;
      return real.writeSync(fd, bytes, offset, part, position);
    }) as typeof fs.writeSync);
    jest.spyOn(fs, 'fsyncSync').mockImplementation(() => {});
    jest.spyOn(fs, 'fdatasyncSync').mockImplementation((fd) => {
      syncs += 1;
      if (segments.has(fd) && faults.sync !== undefined) throw faults.sync;
    });
    jest.spyOn(fs, 'fdatasync').mockImplementation(((fd: number, done: fs.NoParamCallback) => {
      syncs += 1;
      const finish = (error?: NodeJS.ErrnoException) => {
        const fault = error ?? (segments.has(fd) ? faults.sync : undefined);
        done(fault ?? null);
      };
      if (faults.holdSyncs) held.push(finish);
      else setImmediate(finish);
    }) as typeof fs.fdatasync);
    jest.spyOn(fs, 'ftruncateSync').mockImplementation((fd, length) => {
      if (faults.truncate !== undefined) throw faults.truncate;
      real.ftruncateSync(fd, length);
    });
  });
  afterEach(() => {
    faults.heal();
    faults.finishSyncs();
    jest.restoreAllMocks();
  });
  return faults;
}
