// An audited call against the same call that is traced and not audited, each to a gRPC server in a process of
// its own: latency as the client sees it on one connection, and the CPU of the server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as grpcJs from '@grpc/grpc-js';
import { loadService } from './grpc-service.mjs';
import { Goal, ratios } from './harness.mjs';

const FLAG = { key: 'new-checkout', name: 'New checkout', enabled: true };

// So few that both have the same of what else the machine does; CPU is counted over a whole round, for some of
// an audited call's comes when its batch is delivered.
const CALLS_IN_TURN = 50;

export async function grpc({ rounds, scale }) {
  const servers = { audited: await start('audited'), traced: await start('traced') };
  try {
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
    const bound = { atMost: 1.1, isOpen: true };
    return [
      new Goal('gRPC, latency', ratios(latency.audited, latency.traced), bound),
      new Goal('gRPC, CPU', ratios(cpu.audited, cpu.traced), bound),
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
      latencies[name].push(...(await drive(servers[name], CALLS_IN_TURN)));
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
  const child = fork(fileURLToPath(new URL('grpc-server.mjs', import.meta.url)), [kind]);
  const [port] = await once(child, 'message');
  const Flags = loadService(grpcJs);
  const client = new Flags(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
  return {
    call: () =>
      new Promise((resolve, reject) => {
        const metadata = new grpcJs.Metadata();
        metadata.set('authorization', 'Bearer ada');
        metadata.set('x-forwarded-for', '192.0.2.1');
        client.createFlag(FLAG, metadata, (error) => (error === null ? resolve() : reject(error)));
      }),
    async cpu() {
      child.send('cpu');
      return (await once(child, 'message'))[0];
    },
    async stop() {
      client.close();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function drive({ call }, calls) {
  const latencies = [];
  for (let n = 0; n < calls; n += 1) {
    const start = performance.now();
    await call();
    latencies.push(performance.now() - start);
    // Without a pause it would be throughput: what comes after an answer would delay the next one.
    await setTimeout(1);
  }
  return latencies;
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
