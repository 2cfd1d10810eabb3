import fs from 'node:fs';

/** The calls that change something on the disk, as the ledger makes them. */
const SYNC = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'fdatasyncSync',
  'fsyncSync',
  'renameSync',
  'linkSync',
  'unlinkSync',
  'rmSync',
  'ftruncateSync',
  'mkdirSync',
] as const;

/**
 * Ends the process in the middle of its n-th call to the file system: before it, after it or, for a
 * write, when half of it is done.
 */
export function dieAt(call: number, when: 'before' | 'half' | 'after'): void {
  let count = 0;
  const isIt = () => {
    count += 1;
    return count === call;
  };
  const files = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of SYNC) {
    const real = files[name]!;
    files[name] = (...args) => {
      if (!isIt()) return real.apply(fs, args);
      if (when === 'half' && name === 'writeSync' && typeof args[3] === 'number') {
        args[3] = Math.floor(args[3] / 2);
      }
      if (when !== 'before') real.apply(fs, args);
      return die();
    };
  }
  const { fdatasync } = fs;
  (fs as { fdatasync: unknown }).fdatasync = (fd: number, done: fs.NoParamCallback) => {
    if (!isIt()) fdatasync(fd, done);
    else if (when === 'before') die();
    else fdatasync(fd, () => die());
  };
  const promises = fs.promises as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ['open', 'rename']) {
    const real = promises[name]!;
    promises[name] = async (...args) => {
      if (!isIt()) return real.apply(fs.promises, args);
      if (when !== 'before') await real.apply(fs.promises, args);
      return die();
    };
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
}
