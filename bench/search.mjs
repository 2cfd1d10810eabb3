// The command's search for a rare actor, against `grep -F` over the same files: whole processes, start and all.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const COMMAND = fileURLToPath(new URL('../dist/esm/cli/main.js', import.meta.url));
const RARE = 'mallory@example.com';
/** With fewer it is the start of the process that is measured. */
const COUNT = 1_000_000;
/** One record in so many is the rare actor's. */
const RARITY = 50_000;

export function search({ rounds }) {
  if (spawnSync('grep', ['--version']).status !== 0) {
    console.log('note  search: there is no grep here to compare with');
    return [];
  }
  return withFolder(async (folder) => {
    const directory = join(folder, 'audit');
    await fill(directory, COUNT);
    const files = readdirSync(directory)
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => join(directory, name));
    const found = COUNT / RARITY;
    const timed = (program, args) => () => millisOf(program, args, found);
    const search = [COMMAND, 'search', directory, '--json', '--actor', RARE];
    const times = await measure(
      { search: timed(process.execPath, search), grep: timed('grep', ['-hF', RARE, ...files]) },
      rounds,
    );
    return [
      new Goal(
        `search for a rare actor over ${COUNT.toLocaleString('en')} records, speed against grep -F`,
        ratios(times.grep, times.search),
        { atLeast: 0.3 },
      ),
    ];
  });
}

async function fill(directory, count) {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: {} });
  const step = 1000;
  for (let done = 0; done < count; done += step) {
    const events = Array.from({ length: Math.min(step, count - done) }, (_, n) => {
      const isRare = (done + n + 1) % RARITY === 0;
      const email = isRare ? RARE : `user${n % 97}@example.com`;
      return createEvent({
        type: 'flag',
        action: 'created',
        actor: { ...actor, email },
        payload: payloads['300 B'],
      });
    });
    await exporter.sendAudits(events);
  }
  await exporter.shutdown();
}

function millisOf(program, args, found) {
  const start = performance.now();
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' });
  const millis = performance.now() - start;
  const lines = stdout.split('\n').length - 1;
  if (status !== 0 || lines !== found) throw new Error(`${program} found ${lines} of ${found}`);
  return millis;
}
