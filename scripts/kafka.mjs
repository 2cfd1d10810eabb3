// Starts Apache Kafka (KRaft, one node) with a schema registry beside it, on free ports of the loopback
// and with its data in a temporary folder, and says where they listen, in one line of JSON. Needs Java 17
// and what scripts/fetch-kafka.mjs fetches.
//
//   node scripts/kafka.mjs [--no-registry] [--broker broker.properties…]
//
// Obeys the lines of its standard input, and answers each with a line of JSON once it is done:
//
//   kill-broker, start-broker, kill-registry, start-registry
//
// When its input ends, or it is interrupted, it stops both and removes the folder. Users of the listeners
// with SASL: alice with the password alice-secret.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { folders } from './kafka/places.mjs';

const USER = { username: 'alice', password: 'alice-secret' };
const SMALL_JVM = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const withRegistry = !process.argv.includes('--no-registry');
const folder = mkdtempSync(join(tmpdir(), 'otel-audit-kafka-'));
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(0));
process.stdout.on('error', () => process.exit(0)); // nobody listens any more

const ports = await freePorts(6);
const [plaintext, saslPlaintext, tls, saslTls, controller, registry] = ports;
const config = join(folder, 'broker.properties');
const certificate = await makeCertificate();
writeFileSync(config, properties(certificate));
const [broker, registryProcess] = [{ start: startBroker }, { start: startRegistry }];
await Promise.all([format().then(() => startBroker()), withRegistry ? startRegistry() : undefined]);
say({
  bootstrapServers: `127.0.0.1:${plaintext}`,
  saslPlaintext: `127.0.0.1:${saslPlaintext}`,
  tls: `127.0.0.1:${tls}`,
  saslTls: `127.0.0.1:${saslTls}`,
  ca: readFileSync(join(folder, 'certificate.pem'), 'utf8'),
  ...USER,
  ...(withRegistry ? { registry: `http://127.0.0.1:${registry}/apis/ccompat/v7` } : {}),
});

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, what] = line.trim().split('-');
  const one = what === 'broker' ? broker : registryProcess;
  if (verb === 'kill') await kill(one);
  else if (verb === 'start') await one.start();
  else continue;
  say({ done: line.trim() });
}
process.exit(0);

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Self-signed, so that it is its own CA. */
async function makeCertificate() {
  const store = join(folder, 'tls.p12');
  const common = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', 'changeit'];
  const names = ['-dname', 'CN=localhost', '-ext', 'san=dns:localhost,ip:127.0.0.1'];
  const key = ['-alias', 'kafka', '-keyalg', 'EC', '-validity', '3650', ...names];
  await run('keytool', ['-genkeypair', ...common, ...key]);
  const file = join(folder, 'certificate.pem');
  await run('keytool', ['-exportcert', '-rfc', '-alias', 'kafka', '-file', file, ...common]);
  return store;
}

function properties(keystore) {
  const listeners = {
    PLAINTEXT: plaintext,
    SASL_PLAINTEXT: saslPlaintext,
    SSL: tls,
    SASL_SSL: saslTls,
  };
  const list = Object.entries(listeners).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  const login = (module, rest = '') =>
    `org.apache.kafka.common.security.${module} required${rest};`;
  const sasl = ['sasl_plaintext', 'sasl_ssl'].flatMap((name) => [
    `listener.name.${name}.scram-sha-256.sasl.jaas.config=${login('scram.ScramLoginModule')}`,
    `listener.name.${name}.scram-sha-512.sasl.jaas.config=${login('scram.ScramLoginModule')}`,
    `listener.name.${name}.plain.sasl.jaas.config=${login('plain.PlainLoginModule', ` user_${USER.username}="${USER.password}"`)}`,
  ]);
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `listeners=${[...list, `CONTROLLER://127.0.0.1:${controller}`].join(',')}`,
    `advertised.listeners=${list.join(',')}`,
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${Object.keys(listeners)
      .map((name) => `${name}:${name}`)
      .join(',')}`,
    'sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN',
    ...sasl,
    `ssl.keystore.location=${keystore}`,
    'ssl.keystore.type=PKCS12',
    'ssl.keystore.password=changeit',
    `log.dirs=${join(folder, 'data')}`,
    'num.partitions=3',
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // One that was killed is let in again once its session is over, after 9 s by default.
    'broker.heartbeat.interval.ms=500',
    'broker.session.timeout.ms=3000',
    '',
  ].join('\n');
}

async function format() {
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${USER.username},password=${USER.password}]`,
  ]);
  const id = Buffer.from('otel-audit-kafka').toString('base64url');
  const args = ['format', '--config', config, '--cluster-id', id, ...scram];
  await run('java', [
    ...SMALL_JVM,
    '-cp',
    join(folders.kafka, '*'),
    'kafka.tools.StorageTool',
    ...args,
  ]);
}

async function startBroker() {
  const logger = '-Dorg.slf4j.simpleLogger.';
  const loud = `${logger}log.kafka.server.KafkaRaftServer=info`;
  const args = [...SMALL_JVM, `${logger}defaultLogLevel=error`, loud];
  args.push('-cp', join(folders.kafka, '*'), 'kafka.Kafka', config);
  broker.process = await start('java', args, /Kafka Server started/);
}

async function startRegistry() {
  const args = [...SMALL_JVM, '-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${registry}`];
  args.push('-jar', join(folders.registry, 'apicurio-registry-app-2.6.13.Final-runner.jar'));
  registryProcess.process = await start('java', args, /Listening on: /);
}

/** Starts a program and waits until it says that it is ready. */
async function start(command, args, ready) {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const said = [];
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}\n${said.join('\n')}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (said.length < 200) said.push(line);
        if (ready.test(line)) resolve();
      });
    }
  });
  return child;
}

async function kill({ process: child }) {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(data));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${Buffer.concat(said)}`);
}

/** All of them are held until all are known, so that they differ. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const found = servers.map((server) => server.address().port);
  for (const server of servers) await promisify(server.close).call(server);
  return found;
}
