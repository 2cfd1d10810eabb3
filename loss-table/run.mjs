// npm run loss-table [-- --check]: how many of N audit events reach a file, with the stock set-up and
// with ours, hazard by hazard. What a restart of the same program delivers counts for both.
// With --check it fails where ours is below N, or where README.md shows another table.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { hazards } from './hazards.mjs';

const APP = fileURLToPath(new URL('app.mjs', import.meta.url));
const README = fileURLToPath(new URL('../README.md', import.meta.url));
const LIMIT_MS = 60_000;
const CONTENDERS = ['stock', 'ours'];
/** Two at a time: more would measure how loaded the machine is. */
const PARALLEL = 2;

const check = process.argv.includes('--check');
const folder = mkdtempSync(join(tmpdir(), 'otel-audit-loss-'));
const counts = hazards.map(() => ({}));
try {
  // Those that only wait for a far side load nothing, and run beside the others.
  const runs = hazards.flatMap((hazard, index) =>
    CONTENDERS.map((contender) => ({ hazard, index, contender })),
  );
  const waiting = runs.filter(({ hazard }) => hazard.slowMs !== undefined);
  const working = runs.filter((run) => !waiting.includes(run));
  const workOff = async (queue) => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      counts[run.index][run.contender] = await count(run);
    }
  };
  await Promise.all([
    ...waiting.map((run) => workOff([run])),
    ...Array.from({ length: PARALLEL }, () => workOff(working)),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = hazards.map(({ name, events }, index) => ({ name, events, ...counts[index] }));
const table = tableOf([
  ['hazard', ...CONTENDERS],
  ...rows.map(({ name, events, ...by }) => [
    name,
    ...CONTENDERS.map((contender) => `${show(by[contender])} of ${show(events)}`),
  ]),
]);
console.log(table);

if (check) {
  const faults = rows
    .filter(({ ours, events }) => ours !== events)
    .map(({ name, ours, events }) => `${name}: ours kept ${ours} of ${events}`);
  if (claimsOf(readmeTable()) !== claimsOf(table)) {
    faults.push(
      'README.md shows another table between <!-- loss-table --> and <!-- /loss-table -->',
    );
  }
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

/** Runs the application, and once more, and counts the distinct events that can be read in the file. */
async function count({ hazard, index, contender }) {
  const home = mkdtempSync(join(folder, 'run-'));
  await start(contender, index, home);
  await start(contender, index, home, '--restart');
  const file = join(home, 'audit.jsonl');
  if (!existsSync(file)) return 0;
  const numbers = new Set();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const { payload } = JSON.parse(line);
    const isWhole = payload?.text?.length === (hazard.payloadBytes ?? 0);
    if (isWhole && payload.number >= 1 && payload.number <= hazard.events) {
      numbers.add(payload.number);
    }
  }
  return numbers.size;
}

async function start(contender, index, home, ...flags) {
  const child = spawn(process.execPath, [APP, contender, index, home, ...flags], {
    stdio: ['ignore', 'inherit', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGQUIT', // none that a hazard uses
  });
  const stderr = text(child.stderr);
  const [code, signal] = await once(child, 'close');
  if (signal === 'SIGQUIT' || (flags.length > 0 && code !== 0)) {
    throw new Error(`${contender}, ${hazards[index].name}: ${code ?? signal}\n${await stderr}`);
  }
}

function show(number) {
  return number.toLocaleString('en-US');
}

/** A Markdown table, aligned as Biome would have it. */
function tableOf([head, ...body]) {
  const widths = head.map((_, n) => Math.max(...[head, ...body].map((cells) => cells[n].length)));
  const line = (cells) => `| ${cells.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function readmeTable() {
  const found = /<!-- loss-table -->\s*([\s\S]*?)\s*<!-- \/loss-table -->/.exec(
    readFileSync(README, 'utf8'),
  );
  return found?.[1] ?? '';
}

/** What must not differ: hazards and our numbers. What the stock set-up loses varies a little. */
function claimsOf(markdown) {
  const cells = (line) => line.split('|').map((cell) => cell.trim());
  return markdown
    .split('\n')
    .map((line) => `${cells(line)[1]} ${cells(line)[3]}`)
    .join('\n');
}
