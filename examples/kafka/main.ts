// npm run kafka               starts Apache Kafka (Java 17 and Maven are needed), a service that changes flags,
//                             and a consumer that prints what arrives in the topic; ends after five events
// KAFKA_BOOTSTRAP_SERVERS     names a broker of yours instead, for example that of compose.yaml
import { fileURLToPath } from 'node:url';
import { consume } from './consumer.js';
import { startKafka } from './kafka.js';
import { changeFlags } from './service.js';

const TOPIC = `audit-example-${Date.now()}`;
const COUNT = 5;

const given = process.env.KAFKA_BOOTSTRAP_SERVERS;
const kafka = given === undefined ? await startKafka() : undefined;
const bootstrapServers = given?.split(',') ?? [kafka!.bootstrapServers];
try {
  await changeFlags({
    topic: TOPIC,
    bootstrapServers,
    ledger: process.env.AUDIT_LEDGER ?? fileURLToPath(new URL('audit', import.meta.url)),
    count: COUNT,
  });
  const received = await consume({ topic: TOPIC, bootstrapServers, count: COUNT });
  console.log(`\nevents in the topic  ${received}`);
  if (received !== COUNT) process.exitCode = 1;
} finally {
  await kafka?.stop();
}
