// Builds dist/esm and dist/cjs, each a few bundles, for every file costs a quarter of a millisecond when
// it is required, and half a one when it is imported; and dist/node for `import` under Node: the
// CommonJS build under named exports, so that a process has one copy of it. The declarations are tsc's.
// Each folder says its own module type, so that Node reads `.js` in it the right way.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { toCommonJs } from './common-js.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Where the code lies before it is bundled. */
const code = join(root, 'dist/code');
/** Short, but with the names and lines that a stack trace needs. */
const PRINTED = { minifyWhitespace: true, minifySyntax: true, lineLimit: 120, charset: 'utf8' };
/**
 * Where the code is cut, besides where an entry makes it. Its ESM and its CommonJS lie side by side in the
 * tarball, so that of a part below 31 KiB (gzip looks 32 KiB back, and the tarball has a header for each) the
 * second takes next to nothing; but each part is a file to load.
 */
const CUTS = [
  'ledger/opening.js',
  'ledger/lock.js',
  'ledger/ledger.js',
  'delivery/lane.js',
  'evidence/checkpointer.js',
  'evidence/proofs.js',
  'exporter/pipeline.js',
  'exporter/destination.js',
  'sinks/template/renderer.js',
  'sinks/template/parser.js',
  'config/load.js',
  'sinks/kafka/protobuf.js',
];
/** The command: nobody imports it, so it is ESM alone and has no declarations. */
const COMMAND = manifest.bin['otel-audit'];
/** Importing it under Node does what it is for, and waits until that is done. */
const PRELOADED = manifest.exports['./register'];
const entries = Object.values(manifest.exports).filter((entry) => typeof entry !== 'string');

rmSync(join(root, 'dist'), { recursive: true, force: true });
compile('esm', '--emitDeclarationOnly');
compile('cjs', '--emitDeclarationOnly');
for (const format of ['esm', 'cjs']) prune(format);
compile('esm', '--declaration', 'false', '--removeComments', '--outDir', code);
await bundle();
rmSync(code, { recursive: true });
write('dist/esm/package.json', '{"type":"module"}\n');
write('dist/cjs/package.json', '{"type":"commonjs"}\n');
for (const entry of entries) {
  const names = Object.keys(require(join(root, entry.require.default)))
    .sort()
    .join(', ');
  const named = entry.import.node.replace(/\.mjs$/, '.cjs');
  const target = relative(dirname(named), entry.require.default).split(sep).join('/');
  const start = `import { register } from './${basename(named)}';\nawait register();\n`;
  const exported = `export { ${names} } from './${basename(named)}';\n`;
  write(entry.import.node, entry === PRELOADED ? exported + start : exported);
  // Node reads a CommonJS file for its names before it runs it, and this one is read in no time.
  write(named, `module.exports = require('${target}');\n0 && (module.exports = { ${names} });\n`);
}

/** Declarations keep their comments, the code does not carry them: they are a quarter of it. */
function compile(format, ...options) {
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const args = [tsc, '-p', `scripts/tsconfig.${format}.json`, ...options];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Removes the declarations that no entry's types lead to. */
function prune(format) {
  const condition = format === 'esm' ? 'import' : 'require';
  const reached = new Set(entries.map((entry) => join(root, entry[condition].types)));
  for (const file of reached) {
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/['"](\..+?)\.js['"]/g)) {
      reached.add(join(dirname(file), `${specifier}.d.ts`));
    }
  }
  const folder = join(root, 'dist', format);
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = join(folder, name);
    if (name.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
  }
}

/** A bundle for each entry, and some for what they share. esbuild splits ESM alone, so that comes first. */
async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [
      ...entries.map((entry) => relative('dist/esm', entry.import.default)),
      relative('dist/esm', COMMAND),
      ...CUTS,
    ].map((file) => join(code, file)),
    outbase: code,
    outdir: 'dist/esm',
    chunkNames: 'shared-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    ...PRINTED,
    write: false,
  });
  const commonJs = new Map();
  for (const { path, text: printed } of outputFiles) {
    // Imports for the sake of what loading does: here it does nothing.
    const text = printed.replace(/\bimport"\.[^"]+";\s*/g, '');
    const file = relative(root, path);
    // Nobody comes in through a cut: what it holds lies in a part of its own.
    if (CUTS.some((cut) => file === join('dist/esm', cut))) continue;
    write(file, text);
    if (file === COMMAND) {
      chmodSync(join(root, file), 0o755);
      continue;
    }
    const cjs = file.replace('esm', 'cjs');
    commonJs.set(cjs, toCommonJs(text, file));
  }
  // What the command alone needs is not required by anybody.
  const needed = new Set(entries.map((entry) => join(entry.require.default)));
  for (const file of needed) {
    for (const [, path] of commonJs.get(file).matchAll(/\brequire\("(\.[^"]+)"\)/g)) {
      needed.add(join(dirname(file), path));
    }
    write(file, commonJs.get(file));
  }
}

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
