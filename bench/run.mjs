// npm run bench [-- --short] [-- NAME…]: prints each goal with the median of its rounds and the spread.
// Fails below a goal; with --short, which measures little, below 0.7 x a goal, but for goals that are open.
// Each bench runs in a process of its own, as a service does what it does in one: what others left in the heap, and
// what V8 has learnt of them, would be measured too.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { againstPino, capture, emptySpans } from './capture.mjs';
import { checker } from './checker.mjs';
import { decode } from './decode.mjs';
import { durable } from './durable.mjs';
import { emit } from './emit.mjs';
import { evidence } from './evidence.mjs';
import { grpc } from './grpc.mjs';
import { http } from './http.mjs';
import { kafka } from './kafka.mjs';
import { lanes } from './lanes.mjs';
import { opening } from './opening.mjs';
import { otlp } from './otlp.mjs';
import { pipeline } from './pipeline.mjs';
import { redact } from './redact.mjs';
import { rules } from './rules.mjs';
import { search } from './search.mjs';
import { template } from './template.mjs';
import { webhook } from './webhook.mjs';
import { weight } from './weight.mjs';

const benches = {
  emit,
  pipeline,
  decode,
  checker,
  spans: emptySpans,
  capture,
  pino: againstPino,
  durable,
  lanes,
  opening,
  evidence,
  search,
  webhook,
  http,
  otlp,
  rules,
  kafka,
  redact,
  grpc,
  template,
  weight,
};
const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('--'));
const names = words.filter((word) => !word.startsWith('--'));
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const chosen = Object.keys(benches).filter((name) => names.length === 0 || names.includes(name));
const short = flags.includes('--short');
const settings = short ? { rounds: 9, scale: 0.25 } : { rounds: 15, scale: 1 };

const missed = flags.includes('--alone') ? await run(chosen[0]) : runEach();
if (missed > 0) {
  if (!flags.includes('--alone')) console.error(`${missed} goal(s) missed`);
  process.exit(missed);
}

function runEach() {
  console.log(`Node ${process.version}, ${settings.rounds} rounds each: median (least – most)`);
  let missed = 0;
  for (const name of chosen) {
    const self = fileURLToPath(import.meta.url);
    const args = [self, '--alone', ...flags, name];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    missed += status ?? 1; // null: a signal ended it
  }
  return missed;
}

/** Resolves with how many goals were missed. */
async function run(name) {
  const leastScore = short ? 0.7 : 1;
  let missed = 0;
  for (const goal of await benches[name](settings)) {
    console.log(String(goal));
    if (goal.score < leastScore && !(short && goal.isOpen)) missed += 1;
  }
  return missed;
}
