import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import * as library from '@platformatic/kafka';
import { createEvent } from '../../../src/event/event.js';
import { ByteSink } from '../../../src/sinks/kafka/byte-sink.js';
import { produce } from '../../../src/sinks/kafka/produce.js';
import { toRecord } from '../../../src/sinks/kafka/record.js';
import { Session } from '../../../src/sinks/kafka/session.js';
import { describeWithBroker, newTopic, readTopic, useBroker } from './broker.js';

const never = new AbortController().signal;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const values = new ByteSink();
const record = (id: string, payload: unknown = null) => {
  const event = createEvent({ id, type: 'flag', action: 'created', payload });
  return toRecord(event, id, 'protobuf', values, undefined);
};

/** Stands between a client and a broker, counts what passes, and loses the first answers. */
async function standBetween(port: number, losing = 0) {
  const seen = { port: 0, bytes: 0, answers: 0 };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    far.on('data', (data) => {
      seen.answers += 1;
      if (seen.answers > losing) near.write(data);
      else near.destroy();
    });
    near.on('data', (data) => {
      seen.bytes += data.length;
    });
    near.pipe(far);
    near.on('close', () => far.destroy());
    for (const socket of [near, far]) socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => server.close());
  seen.port = (server.address() as AddressInfo).port;
  return seen;
}

describeWithBroker('records that are produced', () => {
  const broker = useBroker();

  /** A session that produces by way of a port. */
  async function open(topic: string, through?: { readonly port: number }) {
    const { bootstrapServers } = broker.addresses;
    const options = { clientId: 'test', bootstrapBrokers: [bootstrapServers], retryDelay: 200 };
    const admin = new library.Admin({ ...options, retries: 50 });
    await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 });
    await admin.metadata({ topics: [topic] }); // waits until the broker knows it
    await admin.close();
    const client = new library.Producer<Buffer, Buffer, Buffer, Buffer>({
      ...options,
      idempotent: true,
      retries: 2,
    });
    cleanUps.push(() => client.close());
    const session = new Session(library, client);
    await session.begin();
    const ask = client.metadata.bind(client) as (options: object) => ReturnType<Metadata>;
    const metadata = async (options: object) => {
      const found = await ask(options);
      if (through === undefined) return found;
      const brokers = new Map(found.brokers);
      for (const [id, one] of brokers) brokers.set(id, { ...one, port: through.port });
      return { ...found, brokers };
    };
    client.metadata = metadata as Metadata;
    return { session, metadata };
  }
  type Metadata = (options: object) => Promise<library.ClusterMetadata>;

  const portOf = () => Number(broker.addresses.bootstrapServers.split(':')[1]);
  const idsIn = async (topic: string) => {
    const records = await readTopic(broker.addresses.bootstrapServers, topic, 'protobuf');
    return records.map(({ headers }) => headers['event-id']).sort();
  };

  it('are stored once, although the acknowledgement was lost and they were sent again', async () => {
    const topic = newTopic();
    const between = await standBetween(portOf(), 1);
    const { session } = await open(topic, between);
    for (const ids of [['a', 'b'], ['c']]) {
      const batches = session.batches(topic, new Map([[0, ids.map((id) => record(id))]]));
      await produce(session, topic, batches, never);
      expect(batches.size).toBe(0);
    }
    expect(between.answers).toBe(3);
    expect(await idsIn(topic)).toEqual(['a', 'b', 'c']);
  });

  it('are not sent again where another partition has no leader yet', async () => {
    const topic = newTopic();
    const between = await standBetween(portOf());
    const { session, metadata } = await open(topic, between);
    session.client.metadata = (async (options: { forceUpdate?: boolean }) => {
      const found = await metadata(options);
      const { partitions } = found.topics.get(topic)!;
      partitions[1]!.leader = options.forceUpdate === true ? partitions[0]!.leader : -1;
      return found;
    }) as Metadata;
    const payload = 'x'.repeat(50_000);
    const batches = session.batches(
      topic,
      new Map([0, 1].map((at) => [at, [record(`${at}`, payload)]])),
    );
    await produce(session, topic, batches, never);
    expect(between.answers).toBe(2);
    expect(between.bytes).toBeLessThan(3 * payload.length);
    expect(await idsIn(topic)).toEqual(['0', '1']);
  });

  it('are not sent again where the broker refuses them for good', async () => {
    const topic = newTopic();
    const between = await standBetween(portOf());
    const { session } = await open(topic, between);
    const batches = session.batches(
      topic,
      new Map([
        [0, [record('small')]],
        [1, [record('large', 'x'.repeat(2_000_000))]],
      ]),
    );
    await expect(produce(session, topic, batches, never)).rejects.toThrow();
    expect([...batches.keys()]).toEqual([1]);
    expect(between.answers).toBe(1);
    expect(await idsIn(topic)).toEqual(['small']);
  });

  it('are not sent again after the signal', async () => {
    const topic = newTopic();
    const { session, metadata } = await open(topic);
    const ending = new AbortController();
    let asked = 0;
    session.client.metadata = (async (options: object) => {
      asked += 1;
      ending.abort();
      return { ...(await metadata(options)), brokers: new Map() };
    }) as Metadata;
    const batches = session.batches(topic, new Map([[0, [record('a')]]]));
    await expect(produce(session, topic, batches, ending.signal)).rejects.toThrow();
    expect(asked).toBe(1);
    expect(batches.size).toBe(1);
  });

  it('go to a broker that knows no version 9, too', async () => {
    const topic = newTopic();
    const { session } = await open(topic);
    const old = new Session(library, session.client);
    old.client.listApis = (async () => [{ apiKey: 0, maxVersion: 8 }]) as never;
    await old.begin();
    expect(old.version).toBe(7);
    await produce(old, topic, old.batches(topic, new Map([[0, [record('a')]]])), never);
    expect(await idsIn(topic)).toEqual(['a']);
  });
});
