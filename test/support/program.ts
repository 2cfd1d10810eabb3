import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll } from '@jest/globals';
import { buildSync } from 'esbuild';

/** A program of `test/faults/programs` that runs. */
export interface Program {
  readonly process: ChildProcess;
  /** What it printed so far. What a program wrote to a pipe is read though it was killed since. */
  readonly lines: readonly string[];
  /** Called with each line that comes from now on. */
  onLine(callback: (line: string) => void): void;
  /** The first line that begins so. Rejects when the program ends without one. */
  line(beginning: string): Promise<string>;
  /** Exit code, or the signal that ended it; after the last line was read. */
  readonly end: Promise<number | string>;
  readonly stderr: Promise<string>;
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
}

/** What a program gets as its only argument, as JSON. */
export type ProgramInput = Readonly<Record<string, unknown>>;

export interface ProgramOptions {
  /** Bound on its heap in MiB; beyond it the program dies. */
  readonly heapMiB?: number;
}

export interface Programs {
  /** A folder for the whole test file, removed afterwards. */
  readonly folder: string;
  start(input: ProgramInput, options?: ProgramOptions): Program;
}

/** One that hangs must not hang the tests; a signal that no test uses. */
const LIMIT_MS = 300_000;
const LIMIT_SIGNAL = 'SIGQUIT';

/** Bundles a program with our sources, so that processes, workers and threads can run it. */
export function programs(name: string): Programs {
  let folder = '';
  const file = () => join(folder, `${name}.cjs`);
  const running = new Set<ChildProcess>();
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'otel-audit-faults-'));
    buildSync({
      entryPoints: [join(process.cwd(), 'test/faults/programs', `${name}.ts`)],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: file(),
    });
  });
  afterAll(async () => {
    const ends = [...running].map((child) => once(child, 'close'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ends);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    start(input, { heapMiB } = {}) {
      const { NODE_OPTIONS: _, JEST_WORKER_ID: __, NODE_ENV: ___, ...env } = process.env;
      const flags = heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`];
      const child = spawn(process.execPath, [...flags, file(), JSON.stringify(input)], {
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
        killSignal: LIMIT_SIGNAL,
      });
      running.add(child);
      void once(child, 'close').then(() => running.delete(child));
      return follow(child as ChildProcess & { stdout: NodeJS.ReadableStream });
    },
  };
}

function follow(child: ChildProcess): Program {
  const lines: string[] = [];
  const listeners: ((line: string) => void)[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on('line', (line) => {
    lines.push(line);
    for (const listener of listeners) listener(line);
  });
  const stderr = text(child.stderr!);
  child.stdin!.on('error', () => {}); // it may be gone
  const end = Promise.all([once(child, 'close'), once(reader, 'close')]).then(
    ([[code, signal]]) => (code ?? signal) as number | string,
  );
  return {
    process: child,
    lines,
    onLine: (callback) => listeners.push(callback),
    line: (beginning) =>
      new Promise((resolve, reject) => {
        const known = lines.find((line) => line.startsWith(beginning));
        if (known !== undefined) resolve(known);
        listeners.push((line) => {
          if (line.startsWith(beginning)) resolve(line);
        });
        void Promise.all([end, stderr]).then(([code, fault]) => {
          reject(new Error(`it ended with ${code} before it printed "${beginning}": ${fault}`));
        });
      }),
    end,
    stderr,
    async kill() {
      child.kill('SIGKILL');
      await end;
    },
  };
}
