// An audited request against the same request that is traced and not audited, each to an Express server in
// a process of its own: latency as the client sees it on one connection, and the CPU of the server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { Goal, ratios } from './harness.mjs';

const BODY = JSON.stringify({
  key: 'new-checkout',
  name: 'New checkout',
  enabled: true,
  description: 'Shows the checkout in one page instead of three.',
});

// So few that both have the same of what else the machine does; CPU is counted over a whole round, for some of
// an audited request's comes when its batch is delivered.
const REQUESTS_IN_TURN = 50;
/** A server's first thousands of requests measure the compiler. */
const WARM_UP_REQUESTS = 5000;

export async function http({ rounds, scale }) {
  const servers = { audited: await start('audited'), traced: await start('traced') };
  try {
    for (const { post } of Object.values(servers)) {
      for (let n = 0; n < WARM_UP_REQUESTS; n += 1) await post();
    }
    const turns = Math.max(8, Math.round(12 * scale));
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
    const bound = { atMost: 1.1, isOpen: true };
    return [
      new Goal('http Express, latency', ratios(latency.audited, latency.traced), bound),
      new Goal('http Express, CPU', ratios(cpu.audited, cpu.traced), bound),
    ];
  } finally {
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** Of each server the median latency and the CPU, all in one unit. */
async function runRound(servers, turns) {
  const names = Object.keys(servers);
  const latencies = Object.fromEntries(names.map((name) => [name, []]));
  const before = {};
  for (const name of names) before[name] = await servers[name].cpu();
  for (let turn = 0; turn < turns; turn += 1) {
    for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
      latencies[name].push(...(await drive(servers[name], REQUESTS_IN_TURN)));
    }
  }
  const result = {};
  for (const name of names) {
    const cpu = (await servers[name].cpu()) - before[name];
    result[name] = { cpu, latency: median(latencies[name]) };
  }
  return result;
}

async function start(kind) {
  const child = fork(fileURLToPath(new URL('http-server.mjs', import.meta.url)), [kind]);
  const [port] = await once(child, 'message');
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
  return {
    post: async () => {
      const { statusCode, body } = await pool.request({
        path: '/flags',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer ada',
          'x-forwarded-for': '192.0.2.1',
        },
        body: BODY,
      });
      await body.dump();
      if (statusCode !== 201) throw new Error(`answered ${statusCode}`);
    },
    async cpu() {
      child.send('cpu');
      return (await once(child, 'message'))[0];
    },
    async stop() {
      await pool.close();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function drive({ post }, requests) {
  const latencies = [];
  for (let n = 0; n < requests; n += 1) {
    const start = performance.now();
    await post();
    latencies.push(performance.now() - start);
    // Without a pause it would be throughput: what comes after an answer would delay the next one.
    await setTimeout(1);
  }
  return latencies;
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
