import { PassThrough } from 'node:stream';
import { run } from '../../../src/cli/run.js';
import { openTerminal } from '../../../src/cli/terminal.js';

/** What a run of the command has left. */
export interface Ran {
  readonly code: number;
  /** Lines of stdout. */
  readonly out: readonly string[];
  /** The same, parsed, one JSON value a line. */
  readonly json: readonly Json[];
  readonly err: string;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into what was printed
export type Json = any;

export interface RunOptions {
  /** Milliseconds since 1970. */
  readonly now?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Columns, for a terminal in place of a pipe. */
  readonly columns?: number;
  readonly onLine?: (line: string) => void;
}

/** Runs the command within this process. */
export async function otelAudit(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { now = Date.now(), env = {}, signal = new AbortController().signal } = options;
  const stdout = Object.assign(new PassThrough(), {
    isTTY: options.columns !== undefined,
    columns: options.columns ?? 80,
  });
  const stderr = new PassThrough();
  let out = '';
  let err = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = out.split('\n').length;
    out += text;
    for (const line of out.split('\n').slice(before - 1, -1)) options.onLine?.(line);
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const code = await run(args, {
    terminal: openTerminal({ stdout, stderr, env }),
    env,
    version: '1.2.3',
    now: () => now,
    interruption: () => signal,
    ask: async () => undefined,
  });
  await new Promise((resolve) => setImmediate(resolve));
  const lines = out.split('\n').slice(0, -1);
  return {
    code,
    out: lines,
    get json() {
      return lines.map((line) => JSON.parse(line) as Json);
    },
    err,
  };
}
