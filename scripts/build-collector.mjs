// Builds the OpenTelemetry Collector of test/collector, once for each state of its sources. Without Go, or
// where its modules cannot be had, it says so: the tests that need a Collector then show as skipped.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'test/collector');
const hash = createHash('sha256');
for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(sources, file)));
const folder = join(root, 'node_modules/.cache/otel-audit');
const binary = join(folder, `collector-${hash.digest('hex').slice(0, 16)}`);

if (!existsSync(binary)) {
  mkdirSync(folder, { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  const { status, error } = spawnSync(
    'go',
    ['build', '-p', '2', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished, '.'],
    { cwd: sources, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status === 0) renameSync(unfinished, binary);
  else {
    console.warn(`no Collector to test with: ${error?.message ?? `go build ended with ${status}`}`);
  }
}
