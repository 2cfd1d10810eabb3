// What the package weighs: the tarball, and the time to load the core in a fresh process.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFolder } from './folders.mjs';
import { Goal, measure } from './harness.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function weight({ rounds }) {
  const weights = JSON.parse(execFileSync(process.execPath, [join(root, 'scripts/weigh.mjs')]));
  return withFolder(async (folder) => [
    new Goal(
      `core, log sink and testing, packed (all: ${Math.round(weights.package / 1000)} kB)`,
      [weights.core / 1000],
      { atMost: 150 },
      'kB',
    ),
    ...(await loading(folder, rounds)),
  ]);
}

async function loading(folder, rounds) {
  install(folder);
  const code = {
    require: (name) => ['commonjs', `require('${name}')`],
    import: (name) => ['module', `await import('${name}')`],
  };
  const contenders = {};
  for (const [way, load] of Object.entries(code)) {
    for (const name of ['empty', '@opentelemetry/api', 'otel-audit']) {
      contenders[`${name} ${way}`] = () => milliseconds(folder, ...load(name));
    }
  }
  const times = await measure(contenders, rounds);
  // Other work on the machine only ever adds to it, so the least of the rounds is the truest.
  const beyond = (name, way) =>
    Math.min(...times[`${name} ${way}`]) - Math.min(...times[`empty ${way}`]);
  return Object.keys(code).map((way) => {
    const api = beyond('@opentelemetry/api', way).toFixed(0);
    const what = `core by ${way}, beyond an empty package, of which the api ${api}, least of the rounds`;
    return new Goal(what, [beyond('otel-audit', way)], { atMost: 30 }, 'ms');
  });
}

/** A project that has the package as npm would leave it, the api, and a package with nothing in it. */
function install(folder) {
  const modules = join(folder, 'node_modules');
  for (const file of ['package.json', 'dist']) {
    cpSync(join(root, file), join(modules, 'otel-audit', file), { recursive: true });
  }
  const api = 'node_modules/@opentelemetry/api';
  cpSync(join(root, api), join(folder, api), { recursive: true, dereference: true });
  mkdirSync(join(modules, 'empty'));
  writeFileSync(join(modules, 'empty/package.json'), '{"name":"empty","exports":"./index.js"}');
  writeFileSync(join(modules, 'empty/index.js'), '');
}

/**
 * The CPU time that loading takes in a fresh process, which measures itself: its start is no part of it,
 * nor are other processes.
 */
function milliseconds(folder, type, load) {
  const code = `const start = process.cpuUsage();
    ${load};
    const { user, system } = process.cpuUsage(start);
    console.log((user + system) / 1000);`;
  return Number(
    execFileSync(process.execPath, [`--input-type=${type}`, '-e', code], {
      cwd: folder,
      encoding: 'utf8',
    }),
  );
}
