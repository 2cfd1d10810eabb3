#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { run } from './run.js';
import { openTerminal } from './terminal.js';

const { stdin, stdout, stderr, env } = process;
let interrupting: AbortSignal | undefined;

const code = await run(process.argv.slice(2), {
  terminal: openTerminal({ stdout, stderr, env }),
  env,
  version: versionOfPackage(),
  now: Date.now,
  interruption,
  async ask(question) {
    if (stdin.isTTY !== true) return undefined;
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input: stdin, output: stderr });
    try {
      return await lines.question(question);
    } catch {
      return undefined;
    } finally {
      lines.close();
    }
  },
});
process.exitCode = code;

/** The first Ctrl-C aborts it; a second one ends whatever does not heed it. */
function interruption(): AbortSignal {
  if (interrupting === undefined) {
    const controller = new AbortController();
    process.once('SIGINT', () => controller.abort());
    process.once('SIGTERM', () => controller.abort());
    interrupting = controller.signal;
  }
  return interrupting;
}

/** The nearest `package.json` above this file is the package's own, built or not. */
function versionOfPackage(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const text = readFileSync(new URL('package.json', folder), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'otel-audit' && version !== undefined) return version;
    } catch {
      // Not here.
    }
    if (folder.pathname === new URL('..', folder).pathname) return 'unknown';
  }
}
