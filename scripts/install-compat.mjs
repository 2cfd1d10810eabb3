// Installs the tracing SDKs of test/compat, each in its own folder since their peer ranges exclude one
// another. A folder is left alone when it holds what its lock says.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const compat = join(dirname(dirname(fileURLToPath(import.meta.url))), 'test/compat');
const npm = process.env.npm_execpath;

for (const name of readdirSync(compat)) {
  const folder = join(compat, name);
  const lock = join(folder, 'package-lock.json');
  if (!existsSync(lock)) continue;
  const stamp = join(folder, 'node_modules/.installed');
  const wanted = readFileSync(lock, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) continue;
  // `loglevel=error`: under Node 20 npm warns that sdk-trace 3 wants a newer one; only its types are read there.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, ...first] = npm ? [process.execPath, npm] : ['npm'];
  const { status } = spawnSync(command, [...first, ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stamp, wanted);
}
