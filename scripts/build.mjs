// Builds dist/esm and dist/cjs with tsc alone. Each folder says its own module type, so that Node
// reads `.js` in it the right way whatever the package's own type is. Declarations come from a run of
// their own, for their comments stay while those of the code, a quarter of the package, go.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const [format, type] of [
  ['esm', 'module'],
  ['cjs', 'commonjs'],
]) {
  for (const emit of [
    ['--declaration', 'false', '--removeComments'],
    ['--emitDeclarationOnly'],
  ]) {
    const args = [tsc, '-p', `scripts/tsconfig.${format}.json`, ...emit];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
  mkdirSync(join(root, 'dist', format), { recursive: true });
  writeFileSync(join(root, 'dist', format, 'package.json'), `{"type":"${type}"}\n`);
}
