// What bench/http.mjs and bench/grpc.mjs share: servers that create a flag as a service does, each in a process of its
// own, all traced; one is audited too. A third one has `bare-audit.mjs` in its handler, the least that an audit log can
// do; what that costs is printed as a note. Measured are the latency that a client on one connection sees, and the
// server's CPU for a request: with pauses in between, as at night, when nothing of the code is in the processor's
// caches, and with 8 requests at a time.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Goal, ratios } from './harness.mjs';

// So few that all have the same of what else the machine does; CPU is counted over a whole round, for some of
// an audited request's comes when its batch is delivered.
const REQUESTS_IN_TURN = 50;
const BUSY_CONNECTIONS = 8;
const BUSY_REQUESTS_IN_TURN = 400;
/** A server's first thousands of requests measure the compiler. */
const WARM_UP_REQUESTS = 3000;
const KINDS = ['traced', 'audited', 'bare'];

/**
 * @param {string} what
 * @param {{ script: string, connect: (port: number, connections: number) => Promise<{ request: () => Promise<void>, close: () => unknown }> }} kind
 *   `script` takes one of the three kinds, then the address of the span receiver
 */
export async function compareServers(what, kind, { rounds, scale }) {
  const receiver = await startProcess('span-receiver.mjs', []);
  try {
    const { latency, cpu, busyCpu } = await compare(kind, receiver.port, { rounds, scale });
    console.log(noteOf(`${what}, latency`, latency));
    console.log(noteOf(`${what}, CPU, one request at a time`, cpu));
    console.log(noteOf(`${what}, CPU, ${BUSY_CONNECTIONS} at a time`, busyCpu));
    const goal = (name, times) =>
      new Goal(`${what}, ${name}`, ratios(times.audited, times.traced), {
        atMost: 1.1,
        isOpen: true,
      });
    return [
      goal('latency', latency),
      goal('CPU, one request at a time', cpu),
      goal(`CPU, ${BUSY_CONNECTIONS} at a time`, busyCpu),
    ];
  } finally {
    await receiver.stop();
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function noteOf(what, times) {
  const [traced, audited, bare] = KINDS.map((kind) => `${median(times[kind]).toFixed(0)} µs`);
  const least = median(ratios(times.bare, times.traced)).toFixed(2);
  return `note  ${what}: traced ${traced}, audited ${audited}; with the least of an audit log ${bare}, ${least} x`;
}

/** Of each server, round by round, in microseconds a request. */
async function compare({ script, connect }, receiver, { rounds, scale }) {
  const servers = {};
  try {
    for (const kind of KINDS) {
      const server = await startProcess(script, [kind, receiver]);
      servers[kind] = server;
      server.client = await connect(server.port, 1);
      server.busyClient = await connect(server.port, BUSY_CONNECTIONS);
    }
    for (const { client } of Object.values(servers)) {
      for (let n = 0; n < WARM_UP_REQUESTS; n += 1) await client.request();
    }
    const turns = Math.max(4, Math.round(12 * scale));
    const perKind = () => Object.fromEntries(KINDS.map((kind) => [kind, []]));
    const result = { latency: perKind(), cpu: perKind(), busyCpu: perKind() };
    for (let round = -1; round < rounds; round += 1) {
      const quiet = await runRound(servers, turns, driveQuietly);
      const busy = await runRound(servers, Math.ceil(turns / 3), driveBusily);
      if (round < 0) continue; // that one warms up
      for (const kind of KINDS) {
        result.latency[kind].push(median(quiet[kind].latencies));
        result.cpu[kind].push(quiet[kind].cpu);
        result.busyCpu[kind].push(busy[kind].cpu);
      }
    }
    return result;
  } finally {
    for (const { client, busyClient, stop } of Object.values(servers)) {
      await client?.close();
      await busyClient?.close();
      await stop();
    }
  }
}

/** @param {(server: object) => Promise<number[]>} drive resolves with the latency of each request that it made */
async function runRound(servers, turns, drive) {
  const result = {};
  for (const kind of KINDS) {
    result[kind] = { latencies: [], cpuBefore: await servers[kind].cpu() };
  }
  for (let turn = 0; turn < turns; turn += 1) {
    for (const kind of turn % 2 === 0 ? KINDS : [...KINDS].reverse()) {
      result[kind].latencies.push(...(await drive(servers[kind])));
    }
  }
  for (const kind of KINDS) {
    const { cpuBefore, latencies } = result[kind];
    result[kind].cpu = ((await servers[kind].cpu()) - cpuBefore) / latencies.length;
  }
  return result;
}

async function driveQuietly({ client }) {
  const latencies = [];
  for (let n = 0; n < REQUESTS_IN_TURN; n += 1) {
    latencies.push(await timed(client));
    // Without a pause it would be throughput: what comes after an answer would delay the next one.
    await setTimeout(1);
  }
  return latencies;
}

async function driveBusily({ busyClient }) {
  const latencies = [];
  const share = BUSY_REQUESTS_IN_TURN / BUSY_CONNECTIONS;
  const one = async () => {
    for (let n = 0; n < share; n += 1) latencies.push(await timed(busyClient));
  };
  await Promise.all(Array.from({ length: BUSY_CONNECTIONS }, one));
  return latencies;
}

async function timed(client) {
  const start = performance.now();
  await client.request();
  return (performance.now() - start) * 1000;
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
