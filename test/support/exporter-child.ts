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

/** A process of its own with an exporter in it. */
export interface ExporterChild {
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly lines: readonly string[];
  /** Resolves when it has printed this line, or has ended. */
  printed(line: string): Promise<void>;
  readonly exit: Promise<{ code: number | null; signal: string | null; stderr: string }>;
}

const LIBRARY = `
export { diag, DiagConsoleLogger, DiagLogLevel } from '@opentelemetry/api';
export { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
export * from './src/index.ts';
export { logSink } from './src/sinks/log.ts';
`;

/** Builds what the scripts of {@link startExporterChild} use into a folder. */
export function buildExporterLibrary(folder: string): void {
  buildSync({
    stdin: { contents: LIBRARY, resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: join(folder, 'library.cjs'),
  });
}

const PRELUDE = `
import library from './library.cjs';
import { writeSync } from 'node:fs';
const { addEventToSpan, alwaysRecord, AuditSpanProcessor, BasicTracerProvider, createEvent, logSink, SinkSpanExporter } = library;
const say = (line) => writeSync(1, line + '\\n');
const warnings = ['error', 'warn'].map((level) => [level, (message) => writeSync(2, level + ' ' + message + '\\n')]);
library.diag.setLogger({ ...Object.fromEntries(warnings), info() {}, debug() {}, verbose() {} });
const [ledger, file] = process.argv.slice(2);
const flag = (id) => createEvent({ type: 'flag', action: 'created', id });
/** An hour passes in 36 s. */
const fastClock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 100,
  schedule(callback, ms) {
    const timer = setTimeout(callback, ms / 100).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
const hung = { sendAudits: () => new Promise(() => {}) };
const down = { sendAudits: () => Promise.reject(new Error('down')) };
const spanOf = (exporter) =>
  new BasicTracerProvider({ spanProcessors: [new AuditSpanProcessor(exporter)] }).getTracer('child').startSpan('request');
`;

/** Runs a script that knows the names of the prelude, with a ledger's and a file's path. */
export function startExporterChild(
  folder: string,
  paths: readonly [ledger: string, file: string],
  script: string,
): ExporterChild {
  const path = join(folder, `${randomUUID()}.mjs`);
  writeFileSync(path, PRELUDE + script);
  const child = spawn(process.execPath, [path, ...paths], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const stderr = text(child.stderr);
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    waiting.get(line)?.();
  });
  return {
    process: child,
    lines,
    printed: (line) =>
      new Promise((resolve) => {
        if (lines.includes(line)) resolve();
        waiting.set(line, resolve);
        void closed.then(() => resolve());
      }),
    exit: closed.then(async ([code, signal]) => ({ code, signal, stderr: await stderr })),
  };
}
