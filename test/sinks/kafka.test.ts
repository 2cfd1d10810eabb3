import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { type SendContext, SinkError } from '../../src/sink.js';
import {
  type KafkaBatch,
  type KafkaProducer,
  type KafkaSinkOptions,
  kafkaSink,
} from '../../src/sinks/kafka.js';
import { root, run } from '../package/packed.js';
import { ca, elsewhere, localhost } from '../support/certificates.js';
import {
  describeWithOwnBroker,
  isSame,
  newTopic,
  readTopic,
  useOwnBroker,
} from './kafka/broker.js';

const live = (): SendContext => ({ signal: new AbortController().signal, attempt: 1 });
const event = (id = 'e-1', type = 'flag', payload: unknown = { key: 'k' }) =>
  createEvent({ id, type, action: 'created', payload, timestamp: '2026-01-31T12:00:00.000Z' });
const nowhere = { topic: 'audit', bootstrapServers: ['127.0.0.1:1'] };

type SNI = NonNullable<TlsOptions['SNICallback']>;

/** Sends with a sink of its own. */
async function send(
  options: KafkaSinkOptions,
  events: readonly AuditEvent[] = [event()],
  context: SendContext = live(),
): Promise<void> {
  const sink = kafkaSink(options);
  try {
    await sink.sendAudits(events, context);
  } finally {
    await sink.close?.();
  }
}

async function faultOf(sending: Promise<void>): Promise<SinkError> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

/** A producer that keeps what it is sent. */
function recording(
  send?: KafkaProducer['send'],
): KafkaProducer & { readonly batches: KafkaBatch[] } {
  const batches: KafkaBatch[] = [];
  return {
    batches,
    send: async (batch) => {
      batches.push(batch);
      await send?.(batch);
    },
  };
}

describe('the options', () => {
  const wrong: [string, Partial<KafkaSinkOptions> | Record<string, unknown>, string][] = [
    ['no topic', { topic: undefined }, 'kafkaSink.topic must be 1 to 249 letters'],
    ['a topic that Kafka refuses', { topic: 'a/b' }, 'not "a/b"'],
    ['no servers', { bootstrapServers: undefined }, 'kafkaSink.bootstrapServers must be an array'],
    ['an empty list', { bootstrapServers: [] }, 'at least one'],
    ['a URL', { bootstrapServers: ['kafka://a:9092'] }, '"kafka://a:9092" is none'],
    ['an encoding', { encoding: 'xml' }, "'protobuf' or 'avro' or 'json', not \"xml\""],
    ['a mechanism', { authentication: { username: 'a', password: 'b', mechanism: 'MD5' } }, 'MD5'],
    ['no password', { authentication: { username: 'a' } }, 'kafkaSink.authentication.password'],
    ['a CA without TLS', { ca }, 'kafkaSink.ca is for requireTls: true'],
    ['a CA’s file name', { requireTls: true, ca: '/etc/ca.pem' }, 'not the name of their file'],
    ['no switch', { requireTls: 'yes' }, 'kafkaSink.requireTls must be true or false'],
    ['a key', { key: 'type' }, 'kafkaSink.key must be a function'],
    ['partitions', { createTopic: { partitions: 0 } }, 'kafkaSink.createTopic.partitions'],
    ['a registry', { schemaRegistry: { url: 'registry' } }, 'kafkaSink.schemaRegistry.url'],
    ['a misspelling', { bootstrap: [] }, 'has no option "bootstrap"'],
    [
      'a producer beside servers',
      { producer: recording() },
      'kafkaSink.bootstrapServers is not for',
    ],
    ['no producer', { producer: {}, bootstrapServers: undefined }, 'must have a function send'],
  ];

  it.each(wrong)('refuse %s', (_, options, message) => {
    const make = () => kafkaSink({ ...nowhere, ...options } as KafkaSinkOptions);
    expect(make).toThrow(AuditError);
    expect(make).toThrow(message);
  });

  it('never show a password', () => {
    const authentication = { username: 'a', password: ['s3cret-word'] } as never;
    const make = () => kafkaSink({ ...nowhere, authentication });
    expect(make).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });
});

describe('a record', () => {
  const trace = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: 1,
  };

  it('has the type as its key, and id, content type and trace as headers', async () => {
    const producer = recording();
    await send({ topic: 'audit', producer }, [{ ...event(), trace }]);
    expect(producer.batches).toHaveLength(1);
    const { topic, records } = producer.batches[0]!;
    expect(topic).toBe('audit');
    expect(records[0]?.key).toBe('flag');
    expect(records[0]?.headers).toEqual([
      ['event-id', 'e-1'],
      ['content-type', 'application/x-protobuf'],
      ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ]);
  });

  it('has the key that the function gives', async () => {
    const producer = recording();
    const key = ({ payload }: AuditEvent) => (payload as { key: string }).key;
    await send({ topic: 'audit', producer, key }, [event()]);
    expect(producer.batches[0]?.records[0]?.key).toBe('k');
  });

  it('is, in protobuf and in Avro, byte for byte', async () => {
    const payload = {
      key: 'a',
      n: 1.5,
      on: true,
      none: null,
      list: [1, 'x', {}],
      deep: { a: '\n' },
    };
    const actor = { authentication: 'token', ip: '127.0.0.1' };
    const made = {
      type: 'flag',
      action: 'created',
      id: 'e-1',
      timestamp: '2026-01-31T12:00:00.25Z',
    };
    for (const [encoding, vector] of Object.entries(VECTORS)) {
      const producer = recording();
      await send({ topic: 'audit', producer, encoding: encoding as 'avro' }, [
        createEvent({ ...made, actor, payload }),
      ]);
      expect(producer.batches[0]?.records[0]?.value.toString('hex')).toBe(vector);
    }
  });

  it('is never one that the event’s payload was changed into after it was recorded', async () => {
    const producer = recording();
    const payload = { key: 'before' };
    const recorded = event('e-1', 'flag', payload);
    payload.key = 'after!';
    await send({ topic: 'audit', producer, encoding: 'avro' }, [recorded]);
    expect(producer.batches[0]?.records[0]?.value.includes('before')).toBe(true);
  });
});

describe('an event that cannot be encoded', () => {
  it('is an event fault with the reason, and keeps no other from being sent', async () => {
    const producer = recording();
    const bad = [
      { ...event('bad-1'), timestamp: 'yesterday' },
      { ...event('bad-2'), payload: { n: 1n } },
    ];
    const error = await faultOf(
      send({ topic: 'audit', producer }, [event('a'), bad[0]!, event('b'), bad[1]!]),
    );
    expect(error.fault).toBe('event');
    expect(error.failed).toEqual([1, 3]);
    expect(error.message).toBe(
      'the event cannot be written as protobuf: its timestamp is no RFC 3339 time',
    );
    const ids = producer.batches[0]?.records.map(({ headers }) => headers[0]?.[1]);
    expect(ids).toEqual(['a', 'b']);
  });

  it('is so too where the key function throws, without what it said', async () => {
    const key = () => {
      throw new Error('s3cret');
    };
    const error = await faultOf(send({ topic: 'audit', producer: recording(), key }));
    expect(error.fault).toBe('event');
    expect(error.message).not.toContain('s3cret');
  });
});

describe('a producer of the user’s', () => {
  it('names what it did not store, and the sink counts in events', async () => {
    const producer = recording(async () => {
      throw new SinkError('transient', 'partition 1 is away', { failed: [1] });
    });
    const bad = { ...event('bad'), timestamp: '' };
    const error = await faultOf(send({ topic: 'audit', producer }, [bad, event('a'), event('b')]));
    expect(error).toMatchObject({ fault: 'transient', failed: [2, 0] });
  });

  it('may throw anything, which is transient and fails all', async () => {
    const producer = recording(() => Promise.reject(new Error('no idea')));
    const error = await faultOf(send({ topic: 'audit', producer }, [event('a'), event('b')]));
    expect(error).toMatchObject({ fault: 'transient', message: 'no idea', failed: [0, 1] });
  });

  it('gets parts that a broker takes, and what is stored stays stored when a later one fails', async () => {
    const producer = recording(async () => {
      if (producer.batches.length === 2) throw new Error('gone');
    });
    const events = ['a', 'b', 'c'].map((id) => event(id, 'flag', 'x'.repeat(500_000)));
    const error = await faultOf(send({ topic: 'audit', producer }, events));
    expect(producer.batches.map(({ records }) => records.length)).toEqual([1, 1]);
    expect(error.failed).toEqual([1, 2]);
  });

  it('may keep what it got', async () => {
    const producer = recording();
    const sink = kafkaSink({ topic: 'audit', producer });
    await sink.sendAudits([event('a')], live());
    const [first] = producer.batches[0]!.records;
    const then = first!.value.toString('hex');
    await sink.sendAudits([event('b', 'segment')], live());
    expect(first!.value.toString('hex')).toBe(then);
    await sink.close?.();
  });

  it('need not heed the signal', async () => {
    const ending = new AbortController();
    const producer = recording(() => {
      ending.abort(new Error('deadline'));
      return new Promise(() => {});
    });
    const context = { signal: ending.signal, attempt: 1 };
    const error = await faultOf(send({ topic: 'audit', producer }, [event()], context));
    expect(error).toMatchObject({ fault: 'transient', message: 'deadline', failed: [0] });
  });
});

describe('a broker that cannot be had', () => {
  it('is transient, names what was tried, and neither blocks nor throws at construction', async () => {
    const error = await faultOf(send(nowhere));
    expect(error.fault).toBe('transient');
    expect(error.message).toMatch(/^kafkaSink: .*ECONNREFUSED 127\.0\.0\.1:1/);
  });

  it('that takes connections and never answers is given up at the deadline, connections included', async () => {
    const gone: Promise<unknown>[] = [];
    const ending = new AbortController();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      gone.push(once(socket, 'close'));
      socket.once('data', () => ending.abort(new Error('deadline')));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const context = { signal: ending.signal, attempt: 1 };
    const options = { topic: 'audit', bootstrapServers: [`127.0.0.1:${port}`] };
    const sink = kafkaSink(options);
    const error = await faultOf(sink.sendAudits([event()], context));
    expect(error).toMatchObject({ fault: 'transient', message: 'deadline' });
    expect(gone.length).toBeGreaterThan(0);
    await Promise.all(gone);
    await sink.close?.();
    server.close();
  });

  it('is told the name that it was reached by, and must have a certificate for it', async () => {
    for (const [certificate, message] of [
      [localhost, /^deadline$/], // the handshake was fine
      [elsewhere, /does not match certificate's altnames/],
    ] as const) {
      const names: unknown[] = [];
      const ending = new AbortController();
      const SNICallback: SNI = (name, done) => {
        names.push(name);
        done(null);
      };
      const server = createTlsServer({ ...certificate, SNICallback }, (socket) => {
        socket.on('error', () => {});
        socket.once('data', () => ending.abort(new Error('deadline')));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const options = {
        topic: 'audit',
        bootstrapServers: [`localhost:${port}`],
        requireTls: true,
        ca,
      };
      const context = { signal: ending.signal, attempt: 1 };
      const error = await faultOf(send(options, [event()], context));
      expect(error.message).toMatch(message);
      expect(error.fault).toBe(certificate === localhost ? 'transient' : 'sink');
      expect(names[0]).toBe('localhost');
      server.close();
    }
  });

  it('shows in the exporter’s health, and the events wait in the ledger', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'otel-audit-kafka-test-'));
    let told = () => {};
    const toldOnce = new Promise<void>((resolve) => {
      told = resolve;
    });
    const exporter = new SinkSpanExporter({
      sinks: { kafka: kafkaSink(nowhere) },
      ledger: join(folder, 'audit'),
      onError: () => told(),
    });
    const [receipt] = await exporter.sendAudits([event()]);
    expect(receipt?.sequence).toBe(1);
    await toldOnce;
    expect(exporter.stats().sinks.kafka).toMatchObject({ backlog: 1, delivered: 0 });
    expect(JSON.stringify(exporter.health())).toContain('ECONNREFUSED');
    await exporter.shutdown().catch(() => {});
    rmSync(folder, { recursive: true });
  });
});

describeWithOwnBroker('Apache Kafka', () => {
  const broker = useOwnBroker();
  const plain = (): KafkaSinkOptions => ({
    topic: newTopic(),
    bootstrapServers: [broker.addresses.bootstrapServers],
    createTopic: { partitions: 3 },
  });
  const saslOptions = (
    mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'PLAIN',
    password?: string,
  ) => {
    const { saslPlaintext, username, password: right } = broker.addresses;
    return {
      ...plain(),
      bootstrapServers: [saslPlaintext],
      authentication: { username, password: password ?? right, mechanism },
    };
  };
  const idsIn = async (topic: string) => {
    const records = await readTopic(broker.addresses.bootstrapServers, topic, 'protobuf');
    return records.map(({ headers }) => headers['event-id']);
  };

  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] as const)(
    'lets in by %s, and not with a wrong password',
    async (mechanism) => {
      const options = saslOptions(mechanism);
      await send(options);
      expect(await idsIn(options.topic)).toEqual(['e-1']);
      const error = await faultOf(send(saslOptions(mechanism, 'wrong-s3cret')));
      expect(error.fault).toBe('sink');
      expect(error.message).toContain('SASL_AUTHENTICATION_FAILED');
      expect(everythingIn(error)).not.toContain('s3cret');
    },
  );

  it('is reached by TLS with its CA, not with another, and with any when told to skip', async () => {
    const { tls, ca: right } = broker.addresses;
    const options = { ...plain(), bootstrapServers: [tls], requireTls: true };
    await send({ ...options, ca: right });
    await send({ ...options, insecureSkipTls: true }, [event('e-2')]);
    expect((await idsIn(options.topic)).sort()).toEqual(['e-1', 'e-2']);
    for (const wrong of [options, { ...options, ca }]) {
      const error = await faultOf(send(wrong));
      expect(error.fault).toBe('sink');
      expect(error.message).toMatch(/certificate/);
    }
  });

  it('is reached by TLS and login together', async () => {
    const { saslTls, ca } = broker.addresses;
    const options = {
      ...saslOptions('SCRAM-SHA-512'),
      bootstrapServers: [saslTls],
      requireTls: true,
      ca,
    };
    await send(options);
    expect(await idsIn(options.topic)).toEqual(['e-1']);
  });

  it('says what may be wrong where a listener hangs up', async () => {
    const { tls } = broker.addresses;
    const error = await faultOf(send({ ...plain(), bootstrapServers: [tls] }));
    expect(error.message).toMatch(/does that listener want TLS, or a login\?|requires TLS/); // 1.35, 2.12
  });

  it('has a sink fault for a topic that is missing, although it would make it by itself', async () => {
    const options = { ...plain(), createTopic: false };
    const error = await faultOf(send(options));
    expect(error.fault).toBe('sink');
    expect(error.message).toBe(
      `kafkaSink: Unknown topic ${options.topic}.; make it, or set createTopic`,
    );
  });

  it('is reached although another broker of the list takes connections and never answers', async () => {
    const endings: AbortController[] = [];
    const hangs = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => endings.at(-1)!.abort(new Error('deadline')));
    }).listen(0, '127.0.0.1');
    await once(hangs, 'listening');
    const { port } = hangs.address() as AddressInfo;
    const options = plain();
    const sink = kafkaSink({
      ...options,
      bootstrapServers: [`127.0.0.1:${port}`, broker.addresses.bootstrapServers],
    });
    const attempt = () => {
      endings.push(new AbortController());
      return sink.sendAudits([event()], { signal: endings.at(-1)!.signal, attempt: 1 });
    };
    expect(await faultOf(attempt())).toMatchObject({ fault: 'transient', message: 'deadline' });
    await attempt();
    await sink.close?.();
    hangs.close();
  });

  it('gets a missing topic with as many partitions as asked for', async () => {
    const options = { ...plain(), createTopic: { partitions: 5, replicationFactor: 1 } };
    await send(options);
    const kafka = new Kafka({
      brokers: [broker.addresses.bootstrapServers],
      logLevel: logLevel.NOTHING,
    });
    const admin = kafka.admin();
    const { topics } = await admin.fetchTopicMetadata({ topics: [options.topic] });
    await admin.disconnect();
    expect(topics[0]?.partitions).toHaveLength(5);
  });

  it('has an event fault for 2 MB, and the other events arrive', async () => {
    const options = plain();
    const sink = kafkaSink(options);
    const events = [event('a'), event('huge', 'flag', 'x'.repeat(2_000_000)), event('b')];
    const error = await faultOf(sink.sendAudits(events, live()));
    expect(error.fault).toBe('event');
    expect(error.message).toContain('MESSAGE_TOO_LARGE');
    expect(error.failed).toEqual([1, 2]);
    await sink.sendAudits([events[2]!], live());
    await sink.close?.();
    expect(await idsIn(options.topic)).toEqual(['a', 'b']);
  });

  it('names exactly the events of a partition that refuses, and loses none that follow', async () => {
    const { bootstrapServers } = broker.addresses;
    const topic = newTopic();
    const kafka = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const configEntries = [{ name: 'max.message.bytes', value: '10000' }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries }] });
    await admin.disconnect();
    const sink = kafkaSink({ topic, bootstrapServers: [bootstrapServers] });
    const of = (id: string, type: string, size = 0) => event(id, type, 'x'.repeat(size));
    await sink.sendAudits([of('first', 'flag')], live());
    // `flag` and `segment` are in different partitions; both are in one request.
    const batch = [of('a', 'flag'), of('large', 'segment', 50_000), of('b', 'flag')];
    const error = await faultOf(sink.sendAudits(batch, live()));
    expect(error).toMatchObject({ fault: 'event', failed: [1] });
    // The broker would take these for those that it has, were they numbered alike.
    await sink.sendAudits([of('c', 'flag'), of('d', 'flag')], live());
    await sink.sendAudits([of('e', 'segment')], live());
    await sink.close?.();
    expect((await idsIn(topic)).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'first']);
  });

  it('takes batches that are sent at once, each as it was', async () => {
    const options = plain();
    const sink = kafkaSink(options);
    const batches = ['a', 'b', 'c', 'd'].map((name) =>
      Array.from({ length: 50 }, (_, n) => event(`${name}-${n}`, 'flag', { name, n })),
    );
    await sink.sendAudits([event()], live());
    await Promise.all(batches.map((events) => sink.sendAudits(events, live())));
    await sink.close?.();
    const records = await readTopic(broker.addresses.bootstrapServers, options.topic, 'protobuf');
    const events = [event(), ...batches.flat()];
    const different = records.filter((record, n) => !isSame(record, eventToJson(events[n]!)));
    expect(different).toEqual([]);
    expect(records).toHaveLength(events.length);
  });

  it('keeps a key’s events in the partition that Java’s client would choose', async () => {
    const options = plain();
    const keys = ['flag', 'segment', 'rule', 'größe', ''];
    await send(
      { ...options, key: ({ id }) => id.slice(3) },
      keys.map((key) => event(`id-${key}`)),
    );
    const records = await readTopic(broker.addresses.bootstrapServers, options.topic, 'protobuf');
    const java = Partitioners.DefaultPartitioner();
    const partitionMetadata = [0, 1, 2].map((partitionId) => ({ partitionId, leader: 1 }));
    for (const { key, partition } of records) {
      const message = { key: Buffer.from(key), value: null };
      const chosen = java({ topic: options.topic, message, partitionMetadata } as never);
      expect([key, partition]).toEqual([key, chosen]);
    }
    expect(records).toHaveLength(keys.length);
  });

  it('does not keep a process alive that has sent what it had', () => {
    // The packed package: Jest's own modules cannot tell.
    const options = plain();
    const program = `
      const { kafkaSink } = require('./dist/cjs/sinks/kafka.js');
      const { createEvent } = require('./dist/cjs/index.js');
      const event = createEvent({ id: 'e-1', type: 'flag', action: 'created' });
      const context = { signal: new AbortController().signal, attempt: 1 };
      kafkaSink(${JSON.stringify(options)}).sendAudits([event], context).then(
        () => console.log('sent'),
      );`;
    expect(run(process.execPath, ['-e', program], { cwd: root }).stdout).toBe('sent\n');
  });

  it('is written to by another client through the same interface', async () => {
    const { topic } = plain();
    const kafka = new Kafka({
      brokers: [broker.addresses.bootstrapServers],
      logLevel: logLevel.NOTHING,
    });
    const client = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: true,
      maxInFlightRequests: 1,
    });
    await client.connect();
    const producer: KafkaProducer = {
      send: async ({ topic, records }) => {
        const messages = records.map(({ key, value, headers }) => ({
          key,
          value,
          headers: Object.fromEntries(headers),
        }));
        await client.send({ topic, acks: -1, messages });
      },
    };
    await send({ topic, producer }, [event('by-kafkajs')]);
    await client.disconnect();
    expect(await idsIn(topic)).toEqual(['by-kafkajs']);
  });

  it.each(['protobuf', 'avro', 'json'] as const)(
    'gets %s in Confluent’s framing, its schema registered once',
    async (encoding) => {
      const options = { ...plain(), encoding, schemaRegistry: { url: broker.addresses.registry } };
      const sink = kafkaSink(options);
      await sink.sendAudits([event('a')], live());
      await broker.order('kill-registry');
      await sink.sendAudits([event('b', 'flag', [1])], live()); // what is cached needs no registry
      await broker.order('start-registry');
      await sink.close?.();
      const records = await readTopic(
        broker.addresses.bootstrapServers,
        options.topic,
        encoding,
        '--framed',
      );
      const full = encoding === 'json' ? ({ fields: 'full' } as const) : {};
      const sent = [event('a'), event('b', 'flag', [1])];
      expect(records.map((record, n) => isSame(record, eventToJson(sent[n]!, full)))).toEqual([
        true,
        true,
      ]);
      expect(records[0]?.schema).toBe(records[1]?.schema);
    },
  );

  it('waits while the registry is down, and goes on when it is up again', async () => {
    const options = { ...plain(), schemaRegistry: { url: broker.addresses.registry } };
    const sink = kafkaSink(options);
    await broker.order('kill-registry');
    const error = await faultOf(sink.sendAudits([event('a')], live()));
    expect(error.fault).toBe('transient');
    expect(error.message).toMatch(/^kafkaSink: schema registry .*ECONNREFUSED/);
    await broker.order('start-registry');
    await sink.sendAudits([event('a')], live());
    await sink.close?.();
    const subject = `${broker.addresses.registry}/subjects/${options.topic}-value/versions/latest`;
    const { schema, id } = (await (await fetch(subject)).json()) as { schema: string; id: number };
    expect(schema).toContain('message Event');
    const records = await readTopic(
      broker.addresses.bootstrapServers,
      options.topic,
      'protobuf',
      '--framed',
    );
    expect(records.map(({ schema }) => schema)).toEqual([id]);
  });
});

describeWithOwnBroker('Apache Kafka, killed in the middle of 50,000 events', () => {
  const broker = useOwnBroker('--no-registry');

  it('has every one of them once it is back, in order within a key, twice only with the same id', async () => {
    const { bootstrapServers } = broker.addresses;
    const topic = newTopic();
    const folder = mkdtempSync(join(tmpdir(), 'otel-audit-kafka-test-'));
    const sink = kafkaSink({
      topic,
      bootstrapServers: [bootstrapServers],
      createTopic: { partitions: 3 },
    });
    let delivered = 0;
    let halfway = () => {};
    const half = new Promise<void>((resolve) => {
      halfway = resolve;
    });
    const exporter = new SinkSpanExporter({
      sinks: {
        kafka: {
          sink: {
            ...sink,
            sendAudits: async (events, context) => {
              const sending = sink.sendAudits(events, context);
              if (delivered > COUNT / 2) halfway(); // while a batch is under way
              await sending;
              delivered += events.length;
            },
          },
          delivery: { backoff: { initialMs: 100, maxMs: 500 } },
        },
      },
      ledger: join(folder, 'audit'),
      onError: () => {},
    });
    const types = ['flag', 'segment', 'rule', 'rollout', 'token'];
    const events = Array.from({ length: COUNT }, (_, n) =>
      createEvent({ id: `e-${n}`, type: types[n % 5]!, action: 'created', payload: { n } }),
    );
    const crash = half.then(async () => {
      await broker.order('kill-broker');
      await broker.order('start-broker');
    });
    for (let at = 0; at < COUNT; at += 5000) await exporter.sendAudits(events.slice(at, at + 5000));
    await crash;
    await exporter.forceFlush();
    await exporter.shutdown();
    rmSync(folder, { recursive: true });

    const records = await readTopic(bootstrapServers, topic, 'protobuf');
    const seen = new Map<string, number>();
    const last: Record<string, number> = {};
    const faults: string[] = [];
    for (const record of records) {
      const id = record.headers['event-id']!;
      const n = Number(id.slice(2));
      if (!isSame(record, eventToJson(events[n]!))) faults.push(`${id} differs`);
      if (!seen.has(id)) {
        if (n <= (last[record.key] ?? -1)) faults.push(`${id} is out of order`);
        last[record.key] = n;
      }
      seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    expect(faults).toEqual([]);
    expect(seen.size).toBe(COUNT);
  });
});

const COUNT = 50_000;

/** All that somebody who prints an error may see. */
function everythingIn(error: unknown): string {
  return inspect(error, { depth: 20, showHidden: true });
}

/** Read by Google's protobuf and by fastavro; frozen since. */
const VECTORS = {
  protobuf:
    '0a03302e321204666c61671a076372656174656422140a120a05746f6b656e12093132372e302e302e312a680a0a0a036b657912031a01610a0e0a016e120911000000000000f83f0a080a026f6e120220010a0a0a046e6f6e65120208000a1e0a046c697374121632140a0911000000000000f03f0a031a01780a022a000a140a0464656570120c2a0a0a080a016112031a010a320b08c0ddf7cb061080e59a773a0773756363657373',
  avro: '06302e3208666c61670e63726561746564020a746f6b656e123132372e302e302e3100000030323032362d30312d33315431323a30303a30302e3235305a0e737563636573730c066b6579020261026e0a000000000000f83f046f6e0601086e6f6e6500086c69737402145b312c2278222c7b7d5d086465657002147b2261223a225c6e227d00',
};
