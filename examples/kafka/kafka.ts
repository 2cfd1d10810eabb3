import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface RunningKafka {
  readonly bootstrapServers: string;
  stop(): Promise<void>;
}

/** Fetches Apache Kafka if need be, and starts it on free ports with its data in a temporary folder. */
export async function startKafka(): Promise<RunningKafka> {
  const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
  console.log('starting Apache Kafka …');
  spawnSync(process.execPath, [script('fetch-kafka.mjs')], { stdio: 'inherit' });
  const child = spawn(process.execPath, [script('kafka.mjs'), '--no-registry'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value, done } = await lines.next();
  if (done === true) throw new Error('Kafka did not start: is there Java 17?');
  return {
    bootstrapServers: (JSON.parse(value) as { bootstrapServers: string }).bootstrapServers,
    stop: async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
