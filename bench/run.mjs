// npm run bench [-- --short] [-- NAME…]: prints each goal with the median of its rounds and the spread.
// Fails below a goal; with --short, which measures little, below 0.7 x a goal, but for goals that are open.
import { capture } from './capture.mjs';
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
  capture,
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
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const short = process.argv.includes('--short');
const settings = short ? { rounds: 9, scale: 0.25 } : { rounds: 15, scale: 1 };
const leastScore = short ? 0.7 : 1;

console.log(`Node ${process.version}, ${settings.rounds} rounds each: median (least – most)`);
let missed = 0;
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue;
  for (const goal of await bench(settings)) {
    console.log(String(goal));
    if (goal.score < leastScore && !(short && goal.isOpen)) missed += 1;
  }
}
if (missed > 0) {
  console.error(`${missed} goal(s) missed`);
  process.exit(1);
}
