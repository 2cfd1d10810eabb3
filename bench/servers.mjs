// What bench/http.mjs and bench/grpc.mjs share: an audited server and one that is traced and not audited, each
// in a process of its own; latency as a client sees it on one connection, and the CPU of the server. Each is
// measured twice: with a handler that creates a flag as a service does, which the goals are about, and with one that
// does nothing, where our share is as large as it can be; that is printed as a note.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Goal, ratios } from './harness.mjs';

// So few that both have the same of what else the machine does; CPU is counted over a whole round, for some of
// an audited request's comes when its batch is delivered.
const REQUESTS_IN_TURN = 50;
/** A server's first thousands of requests measure the compiler. */
const WARM_UP_REQUESTS = 3000;

/**
 * @param {string} what
 * @param {{ script: string, connect: (port: number) => Promise<{ request: () => Promise<void>, close: () => unknown }> }} kind
 *   `script` takes `audited` or `traced`, then `create` or `nothing`, then the address of the span receiver
 */
export async function compareServers(what, kind, { rounds, scale }) {
  const receiver = await startProcess('span-receiver.mjs', []);
  try {
    const run = (handler) => compare(kind, handler, receiver.port, { rounds, scale });
    const nothing = await run('nothing');
    console.log(noteOf(`${what}, a handler that does nothing`, nothing));
    const create = await run('create');
    console.log(noteOf(`${what}, creates a flag`, create));
    const bound = { atMost: 1.1, isOpen: true };
    return [
      new Goal(`${what}, latency`, ratiosOf(create.latency), bound),
      new Goal(`${what}, CPU`, ratiosOf(create.cpu), bound),
    ];
  } finally {
    await receiver.stop();
  }
}

const ratiosOf = ({ audited, traced }) => ratios(audited, traced);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function noteOf(what, { latency, cpu }) {
  const line = (name, times) =>
    `${name} ${median(times.traced).toFixed(0)} -> ${median(times.audited).toFixed(0)} µs, ${median(ratiosOf(times)).toFixed(2)} x`;
  return `note  ${what}: ${line('latency', latency)}; ${line('CPU', cpu)}`;
}

/** Of both servers, round by round, the median latency and the CPU of a request, in microseconds. */
async function compare({ script, connect }, handler, receiver, { rounds, scale }) {
  const servers = {};
  try {
    for (const name of ['audited', 'traced']) {
      servers[name] = await startProcess(script, [name, handler, receiver]);
      servers[name].client = await connect(servers[name].port);
    }
    for (const { client } of Object.values(servers)) {
      for (let n = 0; n < WARM_UP_REQUESTS; n += 1) await client.request();
    }
    const turns = Math.max(4, Math.round(12 * scale));
    const latency = { audited: [], traced: [] };
    const cpu = { audited: [], traced: [] };
    for (let round = -1; round < rounds; round += 1) {
      const measured = await runRound(servers, turns);
      if (round < 0) continue; // that one warms up
      for (const name of Object.keys(servers)) {
        latency[name].push(measured[name].latency);
        cpu[name].push(measured[name].cpu);
      }
    }
    return { latency, cpu };
  } finally {
    for (const { client, stop } of Object.values(servers)) {
      await client?.close();
      await stop();
    }
  }
}

async function runRound(servers, turns) {
  const names = Object.keys(servers);
  const latencies = Object.fromEntries(names.map((name) => [name, []]));
  const before = {};
  for (const name of names) before[name] = await servers[name].cpu();
  for (let turn = 0; turn < turns; turn += 1) {
    for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
      latencies[name].push(...(await drive(servers[name].client)));
    }
  }
  const result = {};
  for (const name of names) {
    const cpu = (await servers[name].cpu()) - before[name];
    result[name] = { cpu: cpu / (turns * REQUESTS_IN_TURN), latency: median(latencies[name]) };
  }
  return result;
}

async function drive({ request }) {
  const latencies = [];
  for (let n = 0; n < REQUESTS_IN_TURN; n += 1) {
    const start = performance.now();
    await request();
    latencies.push((performance.now() - start) * 1000);
    // Without a pause it would be throughput: what comes after an answer would delay the next one.
    await setTimeout(1);
  }
  return latencies;
}

async function startProcess(script, words) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), words.map(String));
  const [port] = await once(child, 'message');
  return {
    port,
    async cpu() {
      child.send('cpu');
      return (await once(child, 'message'))[0];
    },
    async stop() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}
