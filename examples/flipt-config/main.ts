// npm run flipt-config
// Runs the sample configurations of Flipt as they are, each in a folder of its own: sends it three events
// and prints what came out. `http://webhook:8081` is a server started here. The Kafka sample needs a broker:
// FLIPT_AUDIT_SINKS_KAFKA_BOOTSTRAP_SERVERS and …_SCHEMA_REGISTRY_URL say where there is one.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startReceiver } from './receiver.js';
import { runSample } from './sample.js';

const samples = join(dirname(fileURLToPath(import.meta.url)), 'samples');
const receiver = await startReceiver();
const folder = mkdtempSync(join(tmpdir(), 'flipt-config-'));
let wrong = 0;
try {
  for (const name of readdirSync(samples).sort()) {
    console.log(`\n${name}`);
    if (name === 'kafka.env' && !process.env.FLIPT_AUDIT_SINKS_KAFKA_BOOTSTRAP_SERVERS) {
      console.log('  left out: no broker is named');
      continue;
    }
    // Where Flipt's containers would find one another.
    const text = readFileSync(join(samples, name), 'utf8')
      .replaceAll('http://webhook:8081', receiver.url)
      .replaceAll(/\b(var\/log|path\/to)\//g, `${folder}/$1/`);
    const path = join(folder, basename(name));
    writeFileSync(path, text);
    const lines = await runSample(path, receiver);
    for (const line of lines) console.log(`  ${line}`);
    if (lines.length === 0) wrong += 1;
  }
} finally {
  await receiver.close();
  if (existsSync(folder)) rmSync(folder, { recursive: true });
}
if (wrong > 0) process.exitCode = 1;
