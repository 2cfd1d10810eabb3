// Prints what the package weighs as JSON: the tarball, and as much of it as the core, the log sink and
// what is for tests need, which is what everybody loads. In bytes, compressed.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const CORE = ['.', './sinks/log', './testing'];
const RELATIVE = /(?:from|import|require)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const core = new Set(CORE.flatMap((path) => targetsOf(exports[path])));
for (const file of core) {
  if (!/\.[cm]?[jt]s$/.test(file)) continue;
  for (const [, specifier] of readFileSync(join(root, file), 'utf8').matchAll(RELATIVE)) {
    const target = relative(root, join(root, dirname(file), specifier));
    const declaration = target.replace(/\.js$/, '.d.ts');
    core.add(file.endsWith('.d.ts') && existsSync(join(root, declaration)) ? declaration : target);
  }
}
const [{ files, size }] = Object.values(
  JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error')),
);
// Schemas belong to the configuration and to sinks.
const about = files
  .map(({ path }) => path)
  .filter((path) => !path.startsWith('dist/') && !/schema/.test(path));
// Like npm, which puts files of one name side by side.
const names = [...about, ...core].sort((a, b) => basename(a).localeCompare(basename(b)));
const tarball = gzipSync(run('tar', '-c', ...names), { level: 9 });
console.log(JSON.stringify({ package: size, core: tarball.length }));

function targetsOf(entry) {
  if (typeof entry === 'string') return [entry.slice(2)];
  return Object.values(entry).flatMap(targetsOf);
}

function run(command, ...args) {
  return execFileSync(command, args, { cwd: root, maxBuffer: 1 << 26 });
}
