import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { buildSync } from 'esbuild';

/** The command as a process of its own. */
export interface RunningCommand {
  readonly process: ChildProcess;
  /** All that it has shown so far, escape sequences included; both streams, in a terminal. */
  readonly shown: string;
  readonly err: string;
  /** Types something. */
  type(keys: string): void;
  /** Resolves once it has shown this; rejects where it ends without. */
  until(text: string): Promise<void>;
  /** The exit code, or the signal that ended it. */
  readonly end: Promise<number | string>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** In a pseudo-terminal of so many columns; without, its streams are pipes. */
  readonly columns?: number;
  readonly cwd?: string;
}

const PYTHON = 'python3';
/** What only a configuration needs. */
const PEERS = ['zod', 'yaml', 'undici', '@platformatic/kafka', '@opentelemetry/otlp-*'];

/** Whether there are pseudo-terminals here. */
export const hasPython = spawnSync(PYTHON, ['-c', 'import pty']).status === 0;

/** Builds the command from the sources, for the tests of one file. */
export function builtCommand() {
  let folder = '';
  const running = new Set<ChildProcess>();
  const command = {
    /** A folder for the whole test file, removed afterwards. */
    get folder() {
      return folder;
    },
    get path() {
      return join(folder, 'otel-audit.mjs');
    },
    start(args: readonly string[], { env = {}, columns, cwd }: StartOptions = {}): RunningCommand {
      const own = [process.execPath, command.path, ...args];
      const pty = [
        PYTHON,
        join(process.cwd(), 'test/cli/support/pseudo_terminal.py'),
        `${columns}`,
        '24',
      ];
      const [file, ...rest] = columns === undefined ? own : [...pty, ...own];
      const { NO_COLOR: _, TERM: __, ...inherited } = process.env;
      const child = spawn(file!, rest, {
        cwd,
        env: { ...inherited, TERM: 'xterm', ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      running.add(child);
      return follow(child);
    },
  };
  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'otel-audit-command-'));
    buildSync({
      entryPoints: { 'otel-audit': join(process.cwd(), 'src/cli/main.ts') },
      bundle: true,
      platform: 'node',
      format: 'esm',
      splitting: true, // or what is loaded late would be loaded at once
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      external: PEERS,
      logLevel: 'error',
    });
    fs.writeFileSync(join(folder, 'package.json'), '{"name":"otel-audit","version":"1.2.3"}');
  });
  afterAll(async () => {
    for (const child of running) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return command;
}

function follow(child: ChildProcess): RunningCommand {
  const waiting = new Set<() => void>();
  const running = { shown: '', err: '' };
  child.stdin!.on('error', () => {}); // it may have gone
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    running.shown += text;
    for (const look of waiting) look();
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    running.err += text;
  });
  const end = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    get shown() {
      return running.shown;
    },
    get err() {
      return running.err;
    },
    type: (keys) => void child.stdin!.write(keys),
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!running.shown.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void end.then((code) =>
          reject(new Error(`it ended with ${code} before it showed ${text}: ${running.err}`)),
        );
      }),
    end,
  };
}

/** What stands on a terminal's lines in the end: what was written over is gone, colours too. */
export function screenOf(shown: string): string[] {
  return shown.split('\r\n').map((line) => {
    const last = line.slice(line.lastIndexOf('\u001b[2K') + 1).replace(/^\[2K/, '');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own sequences
    return last.replace(/\u001b\[\d+m/g, '').replace(/^\r/, '');
  });
}
