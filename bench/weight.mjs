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
  const child = (type, code) => () =>
    Number(
      execFileSync(
        process.execPath,
        [
          `--input-type=${type}`,
          '-e',
          `const start = performance.now(); ${code}; console.log(performance.now() - start);`,
        ],
        { cwd: root, encoding: 'utf8' },
      ),
    );
  const load = (specifier) => ({
    required: child('commonjs', `require(${JSON.stringify(specifier)})`),
    imported: child('module', `await import(${JSON.stringify(specifier)})`),
  });
  const core = load('otel-audit');
  const api = load('@opentelemetry/api');
  const times = await measure(
    {
      nothingRequired: child('commonjs', "require('node:fs')"),
      coreRequired: core.required,
      nothingImported: child('module', "await import('data:text/javascript,')"),
      apiImported: api.imported,
      coreImported: core.imported,
    },
    rounds,
  );
  // Other work on the machine only ever adds to a start, so the least of the rounds is the truest.
  const beyond = (one, other) => Math.min(...times[one]) - Math.min(...times[other]);
  const imported = beyond('coreImported', 'nothingImported');
  const goals = [
    new Goal('tarball', [pack.size / 1000], { atMost: 150 }, 'kB'),
    new Goal(
      'core by require, beyond an empty module, least of the rounds',
      [beyond('coreRequired', 'nothingRequired')],
      { atMost: 30 },
      'ms',
    ),
  ];
  if (Number(process.versions.node.split('.')[0]) >= 22) {
    const what = 'core by import, beyond an empty module, least of the rounds';
    goals.push(new Goal(what, [imported], { atMost: 30 }, 'ms'));
  } else {
    // Node 20 reads every CommonJS file that a module imports twice: the api alone can take it all.
    const ofApi = beyond('apiImported', 'nothingImported');
    console.log(
      `note  core by import: ${imported.toFixed(0)} ms, of which @opentelemetry/api ${ofApi.toFixed(0)} ms; a goal (at most 30) from Node 22 on`,
    );
  }
  return goals;
}
