// Builds a Go program for the tests, once for each state of its sources. Without Go, or where its modules
// cannot be had, it says so: the tests that need the program then show as skipped.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * @param {string} name of the program
 * @param {string} folder of its `go.mod`, `go.sum` and `main.go`, from the package's root
 */
export function buildGoProgram(name, folder) {
  const sources = join(root, folder);
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    hash.update(readFileSync(join(sources, file)));
  }
  const cache = join(root, 'node_modules/.cache/otel-audit');
  const binary = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(binary)) return;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  const { status, error } = spawnSync(
    'go',
    ['build', '-p', '2', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished, '.'],
    { cwd: sources, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status === 0) renameSync(unfinished, binary);
  else {
    console.warn(`no ${name} to test with: ${error?.message ?? `go build ended with ${status}`}`);
  }
}
