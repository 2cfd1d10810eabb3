import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { buildSync } from 'esbuild';

// Jest runs in the package's root.
const root = process.cwd();

/** A process of its own that holds a ledger. */
export interface LedgerChild {
  readonly process: ChildProcess;
  /** 0 if it ended before it was ready. */
  readonly pid: number;
  readonly exit: Promise<number | null>;
  readonly stderr: Promise<string>;
  /** Kills it, without a chance to clean up, and waits until it is gone. */
  kill(): Promise<void>;
}

const LIBRARY = `
import { systemClock } from './src/clock.ts';
import { createEvent } from './src/event/event.ts';
import { Ledger } from './src/ledger/ledger.ts';
import { resolveLedgerOptions } from './src/ledger/options.ts';
const observer = {
  noted() {},
  failed(error) { console.error(error.message); },
  lost(contents) { console.error('lost', contents.length); },
};
export const open = () =>
  new Ledger(resolveLedgerOptions('ledger', process.argv[2]), systemClock, observer);
export const append = (ledger, id, payload) =>
  ledger.append({ id, event: createEvent({ type: 'flag', action: 'created', id, payload }) });
export const durable = (ledger, sequence) =>
  new Promise((resolve, reject) => {
    ledger.onDurable(sequence, { settle: (error) => (error ? reject(error) : resolve()) });
  });
export const ready = () => console.log('ready ' + process.pid);
`;

/** Builds what the scripts of {@link startLedgerChild} use into a folder; tsx does not reach worker threads. */
export function buildLedgerLibrary(scripts: string): void {
  buildSync({
    stdin: { contents: LIBRARY, resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(scripts, 'library.mjs'),
  });
}

const PRELUDE = `
import fs from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { append, durable, open, ready } from './library.mjs';
`;

/**
 * Runs a script that knows `open`, `append`, `durable` and `ready` beside the names of the prelude,
 * with a ledger's folder as its argument. Resolves when it has called `ready()` or has ended.
 */
export async function startLedgerChild(
  scripts: string,
  directory: string,
  script: string,
): Promise<LedgerChild> {
  const file = join(scripts, `${randomUUID()}.mjs`);
  writeFileSync(file, PRELUDE + script);
  const child = spawn(process.execPath, [file, directory], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const stderr = text(child.stderr);
  const pid = await new Promise<number>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^ready (\d+)$/.exec(line)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    void closed.then(() => resolve(0));
  });
  return {
    process: child,
    pid,
    exit: closed.then(([code]) => code),
    stderr,
    async kill() {
      if (pid !== 0) process.kill(pid, 'SIGKILL');
      await closed;
    },
  };
}
