// What the package weighs: the tarball, and the time to load the core in a fresh process.
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Goal, measure } from './harness.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export async function weight({ rounds }) {
  const [pack] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  // The child takes the time itself, so that starting a process is no part of it.
  const load = (specifier) => () =>
    Number(
      execFileSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `const start = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - start);`,
        ],
        { cwd: root, encoding: 'utf8' },
      ),
    );
  const times = await measure(
    { core: load('otel-audit'), empty: load('data:text/javascript,') },
    rounds,
  );
  return [
    new Goal('tarball', [pack.size / 1000], { atMost: 150 }, 'kB'),
    new Goal(
      'core load beyond an empty module',
      times.core.map((ms, round) => ms - times.empty[round]),
      { atMost: 30 },
      'ms',
    ),
  ];
}
